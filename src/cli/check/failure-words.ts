/** What a failed connection means, and what to do: from the codes of Node and OpenSSL. */
export function wordFailure(code: string, url: URL): { message: string; remedy: string } {
  const { hostname, host, protocol } = url
  const certificate = 'certificates are always verified'
  switch (code) {
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return { message: `the host name ${hostname} does not resolve`, remedy: 'check its spelling, and the DNS of this machine' }
    case 'ECONNREFUSED':
      return { message: `${host} refuses the connection`, remedy: 'start the service, or correct host and port' }
    case 'ECONNRESET':
    case 'EPIPE':
      return {
        message: `${host} closes the connection without an answer`,
        remedy: `check whether ${protocol.slice(0, -1)} is what it speaks there`,
      }
    case 'deadline':
    case 'ETIMEDOUT':
      return { message: `${host} does not answer in time`, remedy: 'check the port, and firewalls on the way' }
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'EADDRNOTAVAIL':
      return { message: `there is no way to ${host} in the network`, remedy: 'check the address and the routing of this machine' }
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'UNABLE_TO_GET_ISSUER_CERT':
      return {
        message: `the certificate of ${host} is not signed by an authority that this machine trusts (${code})`,
        remedy: `${certificate}; name the authority in provider.tls.ca for the provider, in NODE_EXTRA_CA_CERTS for upstreams, and have the server send its whole chain`,
      }
    case 'CERT_HAS_EXPIRED':
      return {
        message: `the certificate of ${host} has expired`,
        remedy: 'renew it; if it is new, check the clock of this machine',
      }
    case 'CERT_NOT_YET_VALID':
      return { message: `the certificate of ${host} is not valid yet`, remedy: 'check the clock of this machine' }
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return {
        message: `the certificate of ${host} is for another name`,
        remedy: 'use the name that stands in the certificate, or renew it with this one',
      }
    case 'EPROTO':
    case 'ERR_SSL_WRONG_VERSION_NUMBER':
    case 'ERR_SSL_PACKET_LENGTH_TOO_LONG':
      return {
        message: `TLS with ${host} fails`,
        remedy: 'if it speaks plain http there, write http:// and that port; else check its TLS versions',
      }
    case 'HPE_INVALID_CONSTANT':
    case 'HPE_INVALID_VERSION':
      return {
        message: `${host} does not answer in HTTP/1.1`,
        remedy: 'check the port, and whether it speaks TLS there (https://)',
      }
    case 'too-large':
      return { message: `the answer of ${host} is larger than 1 MiB`, remedy: 'check the address; something else answers there' }
    default:
      return { message: `the call to ${host} fails (${code})`, remedy: 'check the address, and the service behind it' }
  }
}
