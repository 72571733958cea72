#!/usr/bin/env node
import { run } from './main.ts'

process.exitCode = await run(process.argv.slice(2), { stdout: process.stdout, stderr: process.stderr, env: process.env })
// What still holds the process after its work is done, such as a connection kept for later, gets a moment and no more.
setTimeout(() => process.exit(), 1000).unref()
