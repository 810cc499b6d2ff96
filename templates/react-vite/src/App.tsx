export default function App() {
  return (
    <main className="page">
      <h1>Ready when you are</h1>
      <p>Say what you want to build. This page changes as it comes to life.</p>
    </main>
  )
}
