import { findChromium } from './chromium.ts'

/** Makes sure that there is a browser before the first test asks for one, as installing it takes a while. */
export default async function setup(): Promise<void> {
  process.env['CHROMIUM_PATH'] = await findChromium()
}
