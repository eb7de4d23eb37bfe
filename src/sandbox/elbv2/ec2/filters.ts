import { AwsError } from '../aws-error.ts';
import type { Input } from '../input.ts';
import type { Ec2Item } from './tables.ts';

// EC2 user guide, "List and filter using the CLI and API": 50 filters of 200 values in a call (D).
const maxFilters = 50;
const maxValues = 200;

/**
 * What every filter lets through: a filter does where one of its values fits; `*` stands for any characters and `?`
 * for one (D). Raises `InvalidParameterValue` for a filter that this kind of thing does not have.
 */
export function filtered(items: readonly Ec2Item[], filters: readonly Input[]): Ec2Item[] {
  if (filters.length > maxFilters)
    throw new AwsError('FilterLimitExceeded', `The maximum number of filters is ${maxFilters}`);
  let left = [...items];
  for (const filter of filters) {
    const name = filter.text('Name') ?? '';
    const values = filter.texts('Value') ?? [];
    if (name === '' || values.length === 0)
      throw new AwsError('InvalidParameterValue', 'A filter needs a name and at least one value');
    if (values.length > maxValues)
      throw new AwsError('FilterLimitExceeded', `The maximum number of filter values is ${maxValues}`);
    // A tag that nothing carries is a good filter that nothing passes; so is any filter where there is nothing.
    const known =
      name.startsWith('tag:') || items.length === 0 || items.some(item => Object.hasOwn(item.filters, name));
    if (!known) throw new AwsError('InvalidParameterValue', `The filter '${name.slice(0, 100)}' is invalid`);
    const fits = values.map(wildcard);
    left = left.filter(item => {
      const own = Object.hasOwn(item.filters, name) ? item.filters[name]! : [];
      return own.some(value => fits.some(fit => fit(value)));
    });
  }
  return left;
}

/** Matches by walking both texts once: a pattern made by a stranger must not take for ever. */
function wildcard(pattern: string): (text: string) => boolean {
  return text => {
    let at = 0;
    let star = -1;
    let resume = 0;
    for (let n = 0; n < text.length; ) {
      if (at < pattern.length && pattern[at] === '*') {
        star = at++;
        resume = n;
      } else if (at < pattern.length && (pattern[at] === '?' || pattern[at] === text[n])) {
        at++;
        n++;
      } else if (star >= 0) {
        at = star + 1;
        n = ++resume;
      } else return false;
    }
    while (pattern[at] === '*') at++;
    return at === pattern.length;
  };
}
