import { portOf } from '../support/processes.js'
import { runStep, steps } from './run-step.js'

// npm start -- 1 runs the second step.
const step = steps[Number(process.argv[2] ?? 1)]
if (step === undefined) throw new Error(`The steps are ${steps.map((name, index) => `${index} (${name})`).join(', ')}.`)
const running = await runStep(step, {
  port: portOf('PORT', 8080),
  providerPort: portOf('PROVIDER_PORT', 4000),
  apiPort: portOf('API_PORT', 8082),
})
console.log(`${step} runs at ${running.origin}. Log in as ada, with any password.`)
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void running.close())
