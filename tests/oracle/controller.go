package main

import "time"

type controllerLine struct {
	Kind     string `json:"kind"`
	Schedule string `json:"schedule"`
	// Never says that a search from any year finds nothing.
	Never bool `json:"never"`
	// Starts counts the Jobs of four years with a deadline of 120 seconds, looked at in time.
	Starts int `json:"starts"`
}

// controller writes what a CronJob makes of schedules that the API server takes and that may never run.
func (o *oracle) controller() {
	for _, schedule := range []string{
		"0 0 31 2 *", "0 0 30 2 *", "0 0 29 2 *", "0 0 30,31 2 *", "0 0 29-31 2 *", "0 0 31 4 *", "0 0 31 4,6,9,11 *",
		"0 0 31 2,4,6,9,11 *", "0 0 31 2,3 *", "0 0 31 */2 *", "0 0 31 2-12/2 *", "0 0 31 2 1", "0 0 31 2 ?", "0 0 31 2 */1",
		"0 0 31 2 */2", "0 0 31 FEB SUN-SAT", "0 0 30-31/1 2 *", "0 0 */31 2 *", "0 0 30/1 2 *", "@yearly", "0 0 1 1 1",
		", 0 1 1 *", "0 , 1 1 *", "0 0 , 1 *", "0 0 , 1 1", "0 0 1 , *", "0 0 1 1 ,", "0 0 31 2 ,", "0 0 , 2 ,", "0 0 * 2 ,",
		"@every 1h", "@every 121s", "@every 120s", "@every 60s",
	} {
		clock := in("Etc/UTC", schedule)
		never := true
		for year := 2000; year < 2032 && never; year += 4 {
			never = clock.Next(time.Date(year, time.March, 1, 0, 0, 0, 0, time.UTC)).IsZero()
		}
		line := controllerLine{Kind: "controller", Schedule: schedule, Never: never}
		if !never {
			line.Starts = starts(clock)
		}
		o.write(line)
	}
}

// starts plays four years of a controller that wakes a second late for each run that it expects: it expects the
// next one after the last, and starts the first one after the last or after the deadline's begin, if that has come.
func starts(clock interface{ Next(time.Time) time.Time }) int {
	last := time.Date(2020, time.March, 1, 0, 0, 0, 0, time.UTC)
	end := last.AddDate(4, 0, 0)
	expected := last
	count := 0
	for {
		expected = clock.Next(expected)
		if expected.IsZero() || expected.After(end) {
			return count
		}
		now := expected.Add(time.Second)
		earliest := now.Add(-120 * time.Second)
		if last.After(earliest) {
			earliest = last
		}
		if due := clock.Next(earliest); !due.IsZero() && !due.After(now) {
			last = due
			count++
		}
	}
}
