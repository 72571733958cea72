/** Express 4 under another name; what the suite needs of it is as in Express 5. */
declare module 'express4' {
  export { default } from 'express'
}
