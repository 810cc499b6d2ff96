import { type FormEvent, useEffect, useState } from 'react'

type Item = { id: number; text: string; done: boolean }
type Filter = 'all' | 'open' | 'done'

const filters: { id: Filter; label: string }[] = [
  { id: 'all', label: 'All' },
  { id: 'open', label: 'Open' },
  { id: 'done', label: 'Done' },
]

const first: Item[] = [
  { id: 1, text: 'Write the first thing down', done: true },
  { id: 2, text: 'Tick it off', done: false },
  { id: 3, text: 'Add what comes next', done: false },
]

function load(): Item[] {
  try {
    return JSON.parse(localStorage.getItem('todo-items') ?? '') as Item[]
  } catch {
    return first
  }
}

function save(items: Item[]) {
  try {
    localStorage.setItem('todo-items', JSON.stringify(items))
  } catch {
    // Without storage the list lives as long as the page.
  }
}

export default function App() {
  const [items, setItems] = useState<Item[]>(load)
  const [filter, setFilter] = useState<Filter>('all')
  const [text, setText] = useState('')

  useEffect(() => save(items), [items])

  const open = items.filter((item) => !item.done).length
  const shown = items.filter((item) => filter === 'all' || item.done === (filter === 'done'))

  function add(event: FormEvent) {
    event.preventDefault()
    if (!text.trim()) return
    setItems([{ id: Date.now(), text: text.trim(), done: false }, ...items])
    setText('')
  }

  function toggle(id: number) {
    setItems(items.map((item) => (item.id === id ? { ...item, done: !item.done } : item)))
  }

  return (
    <main className="app">
      <header className="top">
        <h1>@@HEADING@@</h1>
        <p className="soft">{open === 0 ? 'All done' : `${open} open`}</p>
      </header>

      <form className="add" onSubmit={add}>
        <label className="hidden-label" htmlFor="new-item">
          New item
        </label>
        <input
          id="new-item"
          type="text"
          value={text}
          placeholder="What needs doing?"
          autoComplete="off"
          onChange={(event) => setText(event.target.value)}
        />
        <button type="submit" disabled={!text.trim()}>
          Add
        </button>
      </form>

      <div className="filters" role="group" aria-label="Show">
        {filters.map(({ id, label }) => (
          <button
            key={id}
            type="button"
            className="quiet"
            aria-pressed={filter === id}
            onClick={() => setFilter(id)}
          >
            {label}
          </button>
        ))}
        {items.length > open && (
          <button
            type="button"
            className="quiet clear"
            onClick={() => setItems(items.filter((item) => !item.done))}
          >
            Clear done
          </button>
        )}
      </div>

      {shown.length === 0 ? (
        <p className="empty">Nothing here. Enjoy the quiet.</p>
      ) : (
        <ul className="list">
          {shown.map((item) => (
            <li key={item.id} className={item.done ? 'done' : ''}>
              <label>
                <input type="checkbox" checked={item.done} onChange={() => toggle(item.id)} />
                <span>{item.text}</span>
              </label>
              <button
                type="button"
                className="quiet"
                aria-label={`Remove ${item.text}`}
                onClick={() => setItems(items.filter((other) => other.id !== item.id))}
              >
                ×
              </button>
            </li>
          ))}
        </ul>
      )}
    </main>
  )
}
