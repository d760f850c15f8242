/** What somebody is told: the grid shows what holds now, and says what was ticked; quiet hours are read in words. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SEVERITIES, bodyOf, quietWords, rowsOf } from '../../dashboards/web/settings/told.js';

const KEPT = { email_notifications: true, sms_notifications: false, slack_notifications: true, critical_alerts: true, error_alerts: true, warning_alerts: false, info_alerts: false, channels: null };
const CHANNELS = [{ id: 'c1', name: 'ops', type: 'slack' }, { id: 'c2', name: 'ann', type: 'sms' }, { id: 'c3', name: 'desk', type: 'webhook' }];
const wanted = (kept, channels = CHANNELS) => rowsOf(kept, channels).map((row) => row.wanted.join(' '));

test('without a grid, kinds and severities hold, and other kinds hear everything', () => {
  assert.deepEqual(wanted(KEPT), ['critical error', '', SEVERITIES.join(' ')]);
  assert.deepEqual(rowsOf(KEPT, []).map((row) => row.key), ['email', 'sms', 'slack']);
});

test('a grid names channels by name, id, kind or all; one that it does not name hears everything', () => {
  assert.deepEqual(wanted({ ...KEPT, channels: { ops: ['critical'], c2: ['warning', 'error'] } }), ['critical', 'error warning', SEVERITIES.join(' ')]);
  assert.deepEqual(wanted({ ...KEPT, channels: { '*': ['critical'], sms: ['info'] } }), ['critical', 'critical info', 'critical']);
  assert.deepEqual(wanted({ ...KEPT, channels: { email: [] } }, []), ['', SEVERITIES.join(' '), SEVERITIES.join(' ')]);
});

const fields = (entries) => ({ get: (name) => entries.find(([key]) => key === name)?.[1] ?? null, getAll: (name) => entries.filter(([key]) => key === name).map(([, value]) => value), has: (name) => entries.some(([key]) => key === name) });

test('what was ticked is what is sent, and what is no number goes as it was typed', () => {
  const rows = rowsOf(KEPT, CHANNELS);
  const body = bodyOf(fields([['told', '0 critical'], ['told', '2 info'], ['max_alerts_per_hour', 'few']]), rows);
  assert.deepEqual(body, { channels: { ops: ['critical'], ann: [], desk: ['info'] }, quiet_hours_enabled: false, max_alerts_per_hour: 'few' });
});

test('quiet hours are said with what waits and what does not', () => {
  const quiet = { quiet_hours_enabled: true, quiet_start_time: '22:00', quiet_end_time: '08:00', timezone: 'Europe/Berlin', quiet_days: ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'], quiet_passes: ['critical'] };
  assert.equal(quietWords(quiet), 'From 22:00 to 08:00 (Europe/Berlin), each day: error, warning and info wait until 08:00; critical never waits.');
  assert.match(quietWords({ ...quiet, quiet_days: ['sat', 'sun'], quiet_passes: [] }), /Sat and Sun: critical, .* wait until 08:00; critical ones as well/);
  assert.match(quietWords({ ...quiet, quiet_passes: SEVERITIES }), /nothing waits/);
  assert.match(quietWords({ ...quiet, quiet_days: [] }), /which days/);
  assert.equal(quietWords({ quiet_hours_enabled: false }), 'Messages come at any hour.');
});
