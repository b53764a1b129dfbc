package main

import (
	"archive/zip"
	"log"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

type timesLine struct {
	Kind     string   `json:"kind"`
	Zone     string   `json:"zone"`
	Schedule string   `json:"schedule"`
	After    string   `json:"after"`
	Next     []string `json:"next"`
}

// zones are picked for how their clocks change; the comment says when.
var zones = []string{
	"America/New_York",    // 02:00, an hour
	"Europe/Berlin",       // 02:00, an hour, east of Greenwich
	"Europe/London",       // the winter offset is zero
	"Atlantic/Azores",     // the offset crosses zero
	"Australia/Lord_Howe", // 02:00, half an hour
	"Africa/Cairo",        // midnight that does not exist; no change from 2015 to 2022
	"America/Asuncion",    // midnight that does not exist, often on the first of October
	"America/Sao_Paulo",   // midnight that does not exist; ended in 2019
	"America/Havana",      // midnight that does not exist, west
	"Asia/Beirut",         // midnight that does not exist, east
	"Asia/Tehran",         // fixed dates of another calendar; ended in 2022
	"America/St_Johns",    // 00:01 until 2011, and an offset with half an hour
	"Antarctica/Troll",    // two hours
	"Africa/Casablanca",   // backwards for Ramadan
	"Pacific/Chatham",     // 02:45, and an offset with three quarters
	"Pacific/Apia",        // 30 December 2011 did not happen
	"Asia/Pyongyang",      // half an hour, once each way, no summer time
	"Asia/Kolkata",        // never
	"Etc/UTC",             // never
}

var (
	apiaSkips = time.Date(2011, time.December, 30, 10, 0, 0, 0, time.UTC)
	firstYear = time.Date(2005, time.January, 1, 0, 0, 0, 0, time.UTC)
	lastStart = time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)
)

// zonePart is the API server's rule for what lies between the slashes of a name.
var zonePart = regexp.MustCompile(`^[A-Za-z._0-9+][A-Za-z._0-9+-]{0,13}$`)

// zoneNames writes every name in the database, and some that are none.
func (o *oracle) zoneNames() {
	archive, err := zip.OpenReader(os.Getenv("ZONEINFO"))
	if err != nil {
		log.Fatal(err)
	}
	defer archive.Close()
	for _, name := range []string{"", "Local", "local", "LOCAL", "europe/berlin", "Europe/Berlim", "Europe", "Europe/", "utc",
		"/Europe/Berlin", "Europe//Berlin", "../UTC", "UTC+1", "+01:00", "CEST", "PDT", "Z", "Etc/UTC ", "Europe/Berlin\n"} {
		o.write(map[string]any{"kind": "zone", "name": name, "known": false})
	}
	for _, file := range archive.File {
		if strings.HasSuffix(file.Name, "/") {
			continue
		}
		known := true
		for _, part := range strings.Split(file.Name, "/") {
			known = known && zonePart.MatchString(part)
		}
		o.write(map[string]any{"kind": "zone", "name": file.Name, "known": known})
	}
}

// times writes the next runs after an instant.
func (o *oracle) times(zone, schedule string, after time.Time, count int) {
	if zone == "Pacific/Apia" && after.Before(apiaSkips) && !everyDay(schedule) {
		return // see hang
	}
	line := timesLine{Kind: "times", Zone: zone, Schedule: schedule, After: stamp(after), Next: []string{}}
	clock := in(zone, schedule)
	for at := clock.Next(after.UTC()); len(line.Next) < count && !at.IsZero(); at = clock.Next(at) {
		if zone != "Etc/UTC" && at.After(settled) {
			break
		}
		line.Next = append(line.Next, stamp(at))
	}
	if len(line.Next) == count || zone == "Etc/UTC" {
		o.write(line)
	}
}

// everyDay says that both day fields are starred, so that robfig never steps from day to day.
func everyDay(schedule string) bool {
	clock := in("Etc/UTC", schedule).(*cron.SpecSchedule)
	return clock.Dom>>63 == 1 && clock.Dow>>63 == 1
}

// hang writes a search that never ends: stepping over a day that does not exist, robfig stands still.
// It runs last, since what it starts can't be stopped.
func (o *oracle) hang() {
	zone, schedule, after := "Pacific/Apia", "0 0 1 * *", time.Date(2011, time.December, 20, 0, 0, 0, 0, time.UTC)
	found := make(chan time.Time)
	go func() { found <- in(zone, schedule).Next(after) }()
	select {
	case at := <-found:
		log.Fatalf("robfig came back from a day that does not exist, with %s", at)
	case <-time.After(3 * time.Second):
		o.write(map[string]any{"kind": "hang", "zone": zone, "schedule": schedule, "after": stamp(after)})
	}
}

// transitions writes schedules that point at a change of the clock, asked from near and far.
func (o *oracle) transitions() {
	for _, zone := range zones {
		loc := location(zone)
		changes := changesOf(loc)
		if len(changes) == 0 {
			continue
		}
		for range 165 {
			change := pick(o.rand, changes)
			schedule := o.around(change.In(loc))
			lead := pick(o.rand, []time.Duration{time.Minute, time.Hour, 26 * time.Hour, 9 * 24 * time.Hour, 70 * 24 * time.Hour})
			after := change.Add(-time.Duration(o.rand.Int64N(int64(lead))) + lead/8)
			if o.rand.IntN(2) == 0 {
				after = after.Truncate(time.Minute)
			}
			o.times(zone, schedule, after.Truncate(time.Second), 4)
		}
	}
}

// changesOf returns the minutes at which the offset changes.
func changesOf(loc *time.Location) []time.Time {
	offset := func(at time.Time) int {
		_, seconds := at.In(loc).Zone()
		return seconds
	}
	var changes []time.Time
	for hour := firstYear; hour.Before(lastStart); hour = hour.Add(time.Hour) {
		if offset(hour) == offset(hour.Add(time.Hour)) {
			continue
		}
		at := hour
		for offset(at) == offset(hour) {
			at = at.Add(time.Minute)
		}
		changes = append(changes, at)
	}
	return changes
}

// around makes a schedule with minutes and hours in reach of a change, and often its very day.
func (o *oracle) around(change time.Time) string {
	near := change.Add(time.Duration(o.rand.IntN(300)-180) * time.Minute)
	minute := pick(o.rand, []string{"0", "30", "15,45", "*/20", "*", near.Format("4")})
	nearHour, changeHour := strconv.Itoa(near.Hour()), strconv.Itoa(change.Hour())
	hour := pick(o.rand, []string{nearHour, nearHour, changeHour, "*", "*/2", "0", "0-3", "5"})
	day := near.AddDate(0, 0, o.rand.IntN(3)-1)
	date := pick(o.rand, []string{"* * *", "* * *", "* * *", day.Format("2 * *"), day.Format("2 1 *"), "* * " + day.Format("Mon"),
		"1 * *", day.Format("* 1 ?"), day.Format("2 * Mon"), "1 */3 *", "*/2 * *", near.Format("2 ") + "* 1-5"})
	return strings.Join([]string{minute, hour, date}, " ")
}

// random writes random schedules from random instants.
func (o *oracle) random() {
	span := lastStart.Unix() - firstYear.Unix()
	for _, zone := range zones {
		for range 160 {
			after := time.Unix(firstYear.Unix()+o.rand.Int64N(span), 0)
			o.times(zone, o.schedule(), after, 3)
		}
	}
}

// leapDays writes the search's horizon: from 2096 there is no 29 February for eight years.
func (o *oracle) leapDays() {
	for year := 2090; year <= 2108; year++ {
		for _, schedule := range []string{"0 12 29 2 *", "0 12 29 2,3 *", "0 12 29 2 1", "59 23 31 12 *"} {
			o.times("Etc/UTC", schedule, time.Date(year, time.Month(1+year%12), 28, 23, 59, 59, 0, time.UTC), 2)
		}
	}
}
