import { createBffClient } from 'coatcheck/browser'
import { BffProvider } from 'coatcheck/react'
import { createRoot } from 'react-dom/client'
import { App } from './App'

createRoot(document.getElementById('root')!).render(
  <BffProvider client={createBffClient()}>
    <App />
  </BffProvider>,
)
