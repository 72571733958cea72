import { apps, sourceOf } from './apps.js'

// Prints what changes in each app: node diff.js
for (const [name, { file }] of Object.entries(apps)) {
  const moved = sourceOf(name, 'moved').split('\n')
  console.log(`${name}/${file}`)
  for (const [index, line] of sourceOf(name, 'original').split('\n').entries())
    if (line !== moved[index]) console.log(`- ${line}\n+ ${moved[index]}`)
}
