package main

import (
	"fmt"
	"strings"

	"github.com/robfig/cron/v3"
)

type grammarLine struct {
	Kind     string `json:"kind"`
	Schedule string `json:"schedule"`
	// Bits are minute, hour, day of month, month, weekday in hexadecimal, the star flag on top; absent if refused.
	Bits string `json:"bits,omitempty"`
	// Every is the interval in seconds of an @every.
	Every int64 `json:"every,omitempty"`
}

var bounds = [5][2]int{{0, 59}, {0, 23}, {1, 31}, {1, 12}, {0, 6}}

var names = [5][]string{3: {"jan", "FEB", "Mar", "jul", "dec"}, 4: {"sun", "MON", "Tue", "fri", "sat"}}

// grammar writes hand-picked, random, and broken schedules with the API server's judgement.
func (o *oracle) grammar() {
	for _, text := range curious {
		o.judge(text)
	}
	for field := range bounds {
		for _, value := range curiousFields {
			o.judge(inField(field, value))
		}
		for value := bounds[field][0] - 1; value <= bounds[field][1]+1; value++ {
			o.judge(inField(field, fmt.Sprint(value)))
		}
	}
	for range 500 {
		o.judge(o.schedule())
	}
	for range 900 {
		o.judge(o.broken(o.schedule()))
	}
}

func (o *oracle) judge(text string) {
	if o.seen[text] {
		return
	}
	o.seen[text] = true
	line := grammarLine{Kind: "grammar", Schedule: text}
	if schedule, err := parse(text); err == nil {
		switch s := schedule.(type) {
		case *cron.SpecSchedule:
			line.Bits = fmt.Sprintf("%x %x %x %x %x", s.Minute, s.Hour, s.Dom, s.Month, s.Dow)
		case cron.ConstantDelaySchedule:
			line.Every = int64(s.Delay.Seconds())
		}
	}
	o.write(line)
}

func inField(field int, value string) string {
	fields := []string{"*", "*", "*", "*", "*"}
	fields[field] = value
	return strings.Join(fields, " ")
}

// schedule makes a valid schedule, mostly of the kinds that people write.
func (o *oracle) schedule() string {
	fields := make([]string, 5)
	for field := range fields {
		fields[field] = o.list(field)
	}
	return strings.Join(fields, " ")
}

func (o *oracle) list(field int) string {
	if o.rand.IntN(3) == 0 {
		return pick(o.rand, []string{"*", "*", "*", "?", "*/1"})
	}
	items := make([]string, 1+o.rand.IntN(6)/4)
	for i := range items {
		items[i] = o.item(field)
	}
	return strings.Join(items, ",")
}

func (o *oracle) item(field int) string {
	low, high := bounds[field][0], bounds[field][1]
	a := low + o.rand.IntN(high-low+1)
	b := a + o.rand.IntN(high-a+1)
	step := 1 + o.rand.IntN(high-low+3)
	switch o.rand.IntN(7) {
	case 0:
		return fmt.Sprintf("%d-%d", a, b)
	case 1:
		return fmt.Sprintf("%d-%d/%d", a, b, step)
	case 2:
		return fmt.Sprintf("*/%d", step)
	case 3:
		return fmt.Sprintf("%d/%d", a, step)
	case 4:
		if names[field] != nil {
			return pick(o.rand, names[field])
		}
	}
	return fmt.Sprint(a)
}

// broken changes one to three characters of a schedule; the API server takes some of them all the same.
func (o *oracle) broken(text string) string {
	letters := []rune("0123456789***//--,,?? \t@#LWH+_.xANSUFRI7\u00a0\u2003\x1c\x00é")
	runes := []rune(text)
	for range 1 + o.rand.IntN(3) {
		at := o.rand.IntN(len(runes))
		switch o.rand.IntN(3) {
		case 0:
			runes[at] = pick(o.rand, letters)
		case 1:
			runes = append(runes[:at:at], append([]rune{pick(o.rand, letters)}, runes[at:]...)...)
		case 2:
			if len(runes) > 1 {
				runes = append(runes[:at:at], runes[at+1:]...)
			}
		}
	}
	return string(runes)
}

// curiousFields are tried in each of the five fields.
var curiousFields = []string{
	"?", "*/1", "?/1", "*/2", "?/2", "*/0", "*/00", "*/-1", "*/-0", "*/+2", "*/100", "*/9223372036854775807",
	"*/9223372036854775808", "*/18446744073709551617", "*/", "/", "/2", "**", "*?", "*,*", "*,3", "3,*", "*/2,*", "*/1,5",
	"1,2", "1,,2", ",1", "1,", ",", ",,,", "1-3", "3-1", "1-", "-1", "-", "1--3", "1-2-3", "*-5", "?-5", "*-", "*-x", "*-5/2",
	"*-1-2", "5-*", "1-3/2", "1-3/2/2", "1/2", "1/2-3", "2/1", "03", "+3", "++3", "+", "-0", "000000000000000000000000000003",
	"00000000000000000000000", "99999999999999999999", "1e1", "0x1", "1_0", "1.5", "١", "３", "L", "LW", "W", "15W", "L-3",
	"5L", "friL", "1#2", "fri#2", "H", "H/5", "H(0-29)", "R", "jan", "JAN", "Jan-mar", "jan-3", "january", "sun", "SUN-SAT",
	"mon-FRI/2", "fri-mon", "5-7", "0-7", "sun-7", "sunday", "mo", "FRİ", "ſun", "1-5,sun", "*/2/2", "*/2,*/3", "TZ", "*-TZ",
}

var curious = []string{
	"", " ", "*", "* *", "* * *", "* * * *", "* * * * *", "* * * * * *", "* * * * * * *", "0 0 0 1 1 *", " * * * * * ",
	"\t*\t*\t*\t*\t*\n", "*\v*\f*\r* *", "*\u0085*\u00a0*\u1680*\u2028*", "*\u2003*\u202f*\u205f*\u3000*", "*\x1c*\x1d*\x1e*\x1f*",
	"*\u200b*\u200b*\u200b*\u200b*", "\ufeff* * * * *", "@", "@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@yearly",
	"@annually", "@reboot", "@Daily", "@DAILY", "@daily ", " @daily", "@daily @daily", "@minutely", "@every", "@every ",
	"@every 1h", "@every 1h30m", "@every 90s", "@every 0s", "@every -1h", "@every 1ns", "@every 1.5h", "@every 1d", "@every 24h",
	"@every  1h", "@every\t1h", "@every 1h ", "@EVERY 1h", "@every 10m5s", "@every x", "TZ=UTC * * * * *", "TZ=UTC", "TZ=",
	"CRON_TZ=UTC * * * * *", " TZ=UTC * * * * *", "CRON_TZ=Europe/Berlin @daily", "TZ=Nowhere/None 0 0 * * *", "tz=UTC * * * * *",
	"0 0 31 2 *", "0 0 30 2 *", "0 0 29 2 *", "0 0 31 4,6,9,11 *", "0 0 31 4 1", ", , , , ,", "0 0 1 1 ,", "0 0 , 1 1", "0 0 , 1 *",
	"*/5 * * * *", "0 9 * * 1-5", "30 8 1,15 * MON", "0 0 1 JAN ?", "@", "#", "0 0 * * 7", "60 * * * *", "* 24 * * *", "* * 0 * *",
	"* * 32 * *", "* * * 0 *", "* * * 13 *", "5 4 * * sun", "0 22 * * 1-5", "23 0-20/2 * * *", "0 0,12 1 */2 *", "0 4 8-14 * *",
	"é * * * *", "\x00 * * * *", "H H * * *", "* * * * L", "* * L * *", "* * 15W * *", "* * * * 5#3", "a b c d e",
	"\"* * * * *\"", "'0 0 * * *'", "0 0 * * *;", "0  0  *  *  *", "0,0 * * * *", "5-5 * * * *", "6-6/3 * * * *", "*,TZ * * * *",
}
