import { type FormEvent, useEffect, useState } from 'react'

type Habit = { id: number; name: string; days: string[] }

const week = lastSevenDays()

function dayKey(date: Date): string {
  const month = String(date.getMonth() + 1).padStart(2, '0')
  return `${date.getFullYear()}-${month}-${String(date.getDate()).padStart(2, '0')}`
}

function daysAgo(days: number): Date {
  const date = new Date()
  date.setDate(date.getDate() - days)
  return date
}

function lastSevenDays() {
  return [6, 5, 4, 3, 2, 1, 0].map((days) => {
    const date = daysAgo(days)
    return {
      key: dayKey(date),
      name: date.toLocaleDateString(undefined, { weekday: 'short' }),
      number: date.getDate(),
    }
  })
}

function streak(days: string[]): number {
  const done = new Set(days)
  // A day that is not over yet does not break a streak.
  let back = done.has(dayKey(new Date())) ? 0 : 1
  let length = 0
  while (done.has(dayKey(daysAgo(back)))) {
    back += 1
    length += 1
  }
  return length
}

const first: Habit[] = [
  { id: 1, name: 'Drink enough water', days: [1, 2, 3].map((days) => dayKey(daysAgo(days))) },
  { id: 2, name: 'Read ten pages', days: [dayKey(daysAgo(1))] },
  { id: 3, name: 'Walk outside', days: [] },
]

function load(): Habit[] {
  try {
    return JSON.parse(localStorage.getItem('habits') ?? '') as Habit[]
  } catch {
    return first
  }
}

function save(habits: Habit[]) {
  try {
    localStorage.setItem('habits', JSON.stringify(habits))
  } catch {
    // Without storage the habits live as long as the page.
  }
}

export default function App() {
  const [habits, setHabits] = useState<Habit[]>(load)
  const [name, setName] = useState('')

  useEffect(() => save(habits), [habits])

  const today = dayKey(new Date())
  const doneToday = habits.filter((habit) => habit.days.includes(today)).length

  function add(event: FormEvent) {
    event.preventDefault()
    if (!name.trim()) return
    setHabits([...habits, { id: Date.now(), name: name.trim(), days: [] }])
    setName('')
  }

  function toggle(id: number, day: string) {
    setHabits(
      habits.map((habit) => {
        if (habit.id !== id) return habit
        const without = habit.days.filter((other) => other !== day)
        return { ...habit, days: without.length < habit.days.length ? without : [...without, day] }
      }),
    )
  }

  return (
    <main className="app">
      <header className="top">
        <h1>@@HEADING@@</h1>
        <p className="soft">
          {doneToday} of {habits.length} done today
        </p>
      </header>

      <form className="add" onSubmit={add}>
        <label className="hidden-label" htmlFor="new-habit">
          New habit
        </label>
        <input
          id="new-habit"
          type="text"
          value={name}
          placeholder="A habit to keep"
          autoComplete="off"
          onChange={(event) => setName(event.target.value)}
        />
        <button type="submit" disabled={!name.trim()}>
          Add habit
        </button>
      </form>

      {habits.length === 0 && <p className="empty">No habits yet. Start with a small one.</p>}

      <div className="cards">
        {habits.map((habit) => (
          <article key={habit.id} className="card">
            <header>
              <h2>{habit.name}</h2>
              <span className="streak">{streak(habit.days)} day streak</span>
              <button
                type="button"
                className="quiet"
                aria-label={`Remove ${habit.name}`}
                onClick={() => setHabits(habits.filter((other) => other.id !== habit.id))}
              >
                ×
              </button>
            </header>
            <div className="week">
              {week.map((day) => (
                <button
                  key={day.key}
                  type="button"
                  className="day"
                  aria-label={`${habit.name}, ${day.key}`}
                  aria-pressed={habit.days.includes(day.key)}
                  onClick={() => toggle(habit.id, day.key)}
                >
                  {day.name}
                  <b>{day.number}</b>
                </button>
              ))}
            </div>
          </article>
        ))}
      </div>
    </main>
  )
}
