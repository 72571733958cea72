// signalr.ts
import { HttpTransportType, HubConnectionBuilder } from '@microsoft/signalr'

// No accessTokenFactory. Negotiating is a POST, which would need the CSRF token; a WebSocket alone needs none.
export const hub = new HubConnectionBuilder()
  .withUrl('/api/hub', { skipNegotiation: true, transport: HttpTransportType.WebSockets })
  .withAutomaticReconnect()
  .build()
