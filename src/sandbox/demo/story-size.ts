/** How large the story is and how long its rooms' ports rest: what a test makes smaller. */
export interface StorySize {
  /** Of the pool `game`, as in `5s`. */
  quarantine: string;
  /** Of the pool of the burst. */
  burstQuarantine: string;
  /** Ports on each of the two load balancers of the burst; one room more comes than both have. */
  burstPorts: number;
}

/**
 * As people see it. 5 s is the shortest quarantine that outlasts an attempt at an AWS call, so that the pool has no
 * warning; the burst's pool, which is gone soon, does with less. 50 is AWS's limit of listeners.
 */
export const fullStory: StorySize = { quarantine: '5s', burstQuarantine: '2s', burstPorts: 50 };
