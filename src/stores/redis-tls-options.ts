/** PEM texts for TLS. Certificates are always verified; nothing here can turn that off. */
export interface RedisTlsOptions {
  /** The authority that signed the server's certificate, where it is not one that Node.js knows. */
  readonly ca?: string
  /** The client's own certificate, and its key. */
  readonly cert?: string
  readonly key?: string
  /** The name the certificate is for, where it is not the host of the URL. */
  readonly serverName?: string
}
