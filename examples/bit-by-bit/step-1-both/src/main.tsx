import { createBffClient } from 'coatcheck/browser'
import { BffProvider } from 'coatcheck/react'
import { createRoot } from 'react-dom/client'
import { AuthProvider } from 'react-oidc-context'
import { App } from './App'
import { oidcConfig } from './auth'

createRoot(document.getElementById('root')!).render(
  <AuthProvider {...oidcConfig}>
    <BffProvider client={createBffClient()}>
      <App />
    </BffProvider>
  </AuthProvider>,
)
