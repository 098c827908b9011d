// What the scenarios of all clients share: they tell the test what they saw, one JSON line each, and ask it for things.
import { createInterface } from 'node:readline';

const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

export const base = process.argv[2];

const say = fact => process.stdout.write(JSON.stringify(fact) + '\n');

/** Ask the test to let the agent that waits at this gate go on; returns when it has. */
export async function open(gate) {
  say({ open: gate });
  await answers.next();
}

/** Return when something holds; gives up after five seconds. */
export async function until(holds, what) {
  const deadline = Date.now() + 5000;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`never: ${what ?? holds}`);
    await new Promise(resolve => setTimeout(resolve, 3));
  }
}

/** Run the scenarios, one after the other, and tell what each saw. */
export async function play(scenarios) {
  for (const [name, scenario] of Object.entries(scenarios)) {
    let saw;
    try {
      saw = await scenario();
    } catch (error) {
      saw = { thrown: String(error?.stack ?? error) };
    }
    say({ scenario: name, saw });
  }
  process.exit(0);
}
