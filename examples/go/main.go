// Two participants in one room, made with LiveKit's Go SDK: what they send each other is counted where it arrives.
//
//	go run . -url ws://127.0.0.1:8080 -key devkey -secret ...
//
// Prints a line for each check, and leaves with 1 if one failed.
package main

import (
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/livekit/protocol/logger"
	lksdk "github.com/livekit/server-sdk-go/v2"
)

// How long a check waits for what it expects; reconnections take the longest.
const patience = 40 * time.Second

type settings struct {
	url, key, secret, room string
	single, verbose, brief bool
	joins                  int
}

func main() {
	var s settings
	flag.StringVar(&s.url, "url", "ws://127.0.0.1:8080", "the server")
	flag.StringVar(&s.key, "key", "", "an API key of the server")
	flag.StringVar(&s.secret, "secret", "", "its secret")
	flag.StringVar(&s.room, "room", fmt.Sprintf("go-%d", os.Getpid()), "the room to meet in")
	flag.BoolVar(&s.single, "single", false, "use one peer connection instead of two")
	flag.BoolVar(&s.brief, "brief", false, "try two reconnections instead of eight")
	flag.IntVar(&s.joins, "joins", 0, "only come in and go, so many times")
	flag.BoolVar(&s.verbose, "verbose", false, "show what the SDK logs, and the descriptions")
	flag.Parse()
	if s.verbose {
		logger.InitFromConfig(&logger.Config{Level: "debug"}, "example")
	} else {
		lksdk.SetLogger(logger.GetDiscardLogger())
	}
	if s.joins > 0 && !comeAndGo(s) || s.joins == 0 && !run(s) {
		os.Exit(1)
	}
}

// Runs every check, in order. Those after a failed one still run, but for those that need both participants.
func run(s settings) bool {
	var all checks
	alice, bob := newPerson("alice"), newPerson("bob")
	if !all.that("both join", func() error { return joined(s, alice, bob) }) {
		return false
	}
	defer alice.leave()
	defer bob.leave()
	exchangeMedia(&all, alice, bob)
	exchangeData(&all, alice, bob)
	mute(&all, alice, bob)
	comeBack(&all, alice, bob, s.brief)
	if s.verbose {
		alice.describe()
		bob.describe()
	}
	return all.passed()
}

// Comes in again and again, each time as somebody else.
func comeAndGo(s settings) bool {
	var all checks
	for number := 1; number <= s.joins; number++ {
		name := fmt.Sprintf("guest %d", number)
		all.that(name+" joins", func() error {
			guest := newPerson(name)
			if err := guest.join(s); err != nil {
				return err
			}
			guest.leave()
			return nil
		})
	}
	return all.passed()
}

func joined(s settings, people ...*person) error {
	for _, one := range people {
		if err := one.join(s); err != nil {
			return fmt.Errorf("%s: %w", one.name, err)
		}
	}
	return nil
}

// What was found out so far.
type checks struct{ done, failed int }

// Runs a check, and tells how it went.
func (c *checks) that(what string, check func() error) bool {
	began := time.Now()
	err := check()
	took := time.Since(began).Round(10 * time.Millisecond)
	c.done++
	if err != nil {
		c.failed++
		fmt.Printf("FAILED %s (%s): %v\n", what, took, err)
		return false
	}
	fmt.Printf("ok     %s (%s)\n", what, took)
	return true
}

func (c *checks) passed() bool {
	fmt.Printf("%d checks, %d failed\n", c.done, c.failed)
	return c.failed == 0
}

// Waits until something is so.
func until(what string, is func() bool) error {
	return within(patience, what, is)
}

func within(limit time.Duration, what string, is func() bool) error {
	for deadline := time.Now().Add(limit); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			return fmt.Errorf("never happened: %s", what)
		}
	}
	return nil
}
