import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { compileSettings, profileSettings, profiles, settingRows, settingsHelp, settingsMarkdown } from './settings.ts';

describe('compileSettings()', () => {
  it('accepts every row of the table as it stands, in every profile', () => {
    for (const profile of profiles) assert.ok(compileSettings(profile).ok, profile);
  });

  it('has the documented buckets, and throttles in all profiles but instant', () => {
    assert.deepEqual(
      profiles.map(profile => profileSettings(profile).throttling),
      [false, true, true],
    );
    const settings = profileSettings('throttled');
    assert.deepEqual([settings['bucket-account-burst'], settings['bucket-account-rate']], [40, 10]);
    assert.deepEqual([settings['bucket-describe-burst'], settings['bucket-describe-rate']], [40, 10]);
    assert.deepEqual([settings['bucket-registration-burst'], settings['bucket-registration-rate']], [20, 4]);
    assert.deepEqual([settings['bucket-mutating-burst'], settings['bucket-mutating-rate']], [20, 3]);
    assert.deepEqual([settings['bucket-slow-burst'], settings['bucket-slow-rate']], [10, 0.2]);
  });

  it('reads durations, ranges, numbers and switches', () => {
    const settings = profileSettings('instant', {
      'provisioning-delay': '1m-1.5h',
      'registration-delay': '500ms',
      'flow-delay': '0',
      'bucket-slow-rate': '0.5',
      throttling: 'on',
    });
    assert.deepEqual(settings['provisioning-delay'], { minMs: 60_000, maxMs: 5_400_000 });
    assert.deepEqual(settings['registration-delay'], { minMs: 500, maxMs: 500 });
    assert.deepEqual(settings['flow-delay'], { minMs: 0, maxMs: 0 });
    assert.equal(settings['bucket-slow-rate'], 0.5);
    assert.equal(settings.throttling, true);
  });

  const bad: [string, string][] = [
    ['no-such-setting', '1'],
    ['toString', '1'],
    ['throttling', 'maybe'],
    ['registration-delay', '30'],
    ['registration-delay', '5m-1m'],
    ['registration-delay', '-1s'],
    ['bucket-slow-rate', 'many'],
    ['target-groups', '2.5'],
    ['address-range', '127.0.0.1'],
    ['account', '12345'],
    ['deny', 'elasticloadbalancing:RegisterTargets'],
  ];
  for (const [name, value] of bad) {
    it(`refuses ${name}=${value} with a sentence that names it`, () => {
      const result = compileSettings('instant', { [name]: value });
      assert.ok(!result.ok);
      assert.match(result.message, new RegExp(`^Cannot set "${name}".*\\.$`));
    });
  }
});

describe('settingsHelp()', () => {
  it('names every setting with its meaning', () => {
    for (const [name, { doc }] of Object.entries(settingRows)) {
      assert.ok(settingsHelp().includes(`  ${name} = `), name);
      assert.ok(doc.endsWith('.'), name);
    }
  });
});

describe('settingsMarkdown()', () => {
  it('is what docs/simulators.md says', () => {
    const page = readFileSync(new URL('../../../docs/simulators.md', import.meta.url), 'utf8');
    assert.ok(page.includes(settingsMarkdown()), `Put this table into docs/simulators.md:\n${settingsMarkdown()}`);
  });
});
