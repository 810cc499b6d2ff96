import { type FormEvent, useState } from 'react'

const features = [
  { title: 'Made with care', text: 'Every detail was chosen, nothing is left to chance.' },
  { title: 'Close to you', text: 'Ask us anything; a person answers, usually the same day.' },
  { title: 'Easy to begin', text: 'Leave your address below and we will tell you how.' },
]

export default function App() {
  const [email, setEmail] = useState('')
  const [joined, setJoined] = useState(false)

  function join(event: FormEvent) {
    event.preventDefault()
    setJoined(true)
  }

  return (
    <main className="app">
      <nav className="nav">
        <span className="brand">@@HEADING@@</span>
        <a href="#join">Stay in touch</a>
      </nav>

      <section className="hero">
        <h1>@@HEADING@@</h1>
        <p>@@LEAD@@</p>
        <button type="button" onClick={() => document.getElementById('email')?.focus()}>
          Get started
        </button>
      </section>

      <div className="features">
        {features.map((feature) => (
          <section key={feature.title} className="section">
            <h2>{feature.title}</h2>
            <p className="soft">{feature.text}</p>
          </section>
        ))}
      </div>

      <section className="join" id="join">
        <h2>Stay in touch</h2>
        {joined ? (
          <p role="status">Thank you. This is a demo: {email} was not sent anywhere.</p>
        ) : (
          <form onSubmit={join}>
            <label className="hidden-label" htmlFor="email">
              Email
            </label>
            <input
              id="email"
              type="email"
              required
              value={email}
              placeholder="you@example.com"
              onChange={(event) => setEmail(event.target.value)}
            />
            <button type="submit">Join</button>
          </form>
        )}
      </section>

      <footer className="foot">@@HEADING@@</footer>
    </main>
  )
}
