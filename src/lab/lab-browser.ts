/** As much of Playwright as is used, so that it stays a package of those who run the lab headless. */
export interface Page {
  goto(url: string): Promise<unknown>
  click(selector: string): Promise<unknown>
  fill(selector: string, text: string): Promise<unknown>
  addScriptTag(options: { url: string }): Promise<unknown>
  waitForSelector(selector: string): Promise<unknown>
  evaluate(expression: string): Promise<unknown>
  close(): Promise<unknown>
}
export interface LabContext {
  newPage(): Promise<Page>
  close(): Promise<unknown>
}
export interface LabBrowser {
  newContext(): Promise<LabContext>
}

/** Waits for what happens in the browser. */
export async function until(condition: () => boolean, trouble: string): Promise<void> {
  for (const deadline = Date.now() + 20_000; Date.now() < deadline;) {
    if (condition()) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(trouble)
}
