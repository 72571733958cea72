import { useEffect, useState } from 'react'
import { listReports, readReport } from './api'
import type { Report } from './api'

export function Reports() {
  const [reports, setReports] = useState<Report[]>([])
  const [text, setText] = useState('')
  const [problem, setProblem] = useState('')

  useEffect(() => {
    listReports().then(setReports, (error: Error) => setProblem(error.message))
  }, [])

  const show = (id: number) => readReport(id).then(setText, (error: Error) => setProblem(error.message))

  return (
    <section>
      <h2>Reports</h2>
      {problem && <p role="alert">{problem}</p>}
      <ul id="reports">
        {reports.map(({ id, title }) => (
          <li key={id}>
            <button onClick={() => void show(id)}>{title}</button>
          </li>
        ))}
      </ul>
      <pre>{text}</pre>
    </section>
  )
}
