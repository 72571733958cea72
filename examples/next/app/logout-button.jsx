'use client'

export function LogoutButton({ csrfToken }) {
  const logOut = async () => {
    const response = await fetch('/bff/logout', { method: 'POST', headers: { 'X-CSRF-Token': csrfToken } })
    const { logoutUrl } = await response.json()
    location.assign(logoutUrl)
  }
  return <button onClick={logOut}>Log out</button>
}
