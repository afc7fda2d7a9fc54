package main

import (
	"fmt"
	"time"

	lksdk "github.com/livekit/server-sdk-go/v2"
	"github.com/pion/webrtc/v4"
)

// How long a track must be silent to be taken for muted.
const silence = 500 * time.Millisecond

func mute(all *checks, alice, bob *person) {
	for _, track := range []string{"voice", "camera"} {
		all.that(track+" is muted and unmuted", func() error { return muteOne(alice, bob, track) })
	}
}

func muteOne(alice, bob *person, name string) error {
	publication := publicationOf(alice, name)
	if publication == nil {
		return fmt.Errorf("%s is not published", name)
	}
	publication.SetMuted(true)
	if err := until("the mute is told", func() bool { return bob.isMuted(name) }); err != nil {
		return err
	}
	err := until("nothing comes any more", func() bool {
		before, _, _, _ := bob.sink(name).counts()
		time.Sleep(silence)
		after, _, _, _ := bob.sink(name).counts()
		return before == after
	})
	if err != nil {
		return err
	}
	publication.SetMuted(false)
	if err := until("the unmute is told", func() bool { return !bob.isMuted(name) }); err != nil {
		return err
	}
	return goesOn(bob, name)
}

func publicationOf(p *person, name string) *lksdk.LocalTrackPublication {
	for _, publication := range p.room.LocalParticipant.TrackPublications() {
		if local, ok := publication.(*lksdk.LocalTrackPublication); ok && local.Name() == name {
			return local
		}
	}
	return nil
}

// Whether packets still come, of the track that has this name now.
func goesOn(p *person, track string) error {
	return until(track+" goes on", func() bool {
		it := p.sink(track)
		before, _, _, _ := it.counts()
		time.Sleep(100 * time.Millisecond)
		after, _, _, _ := it.counts()
		return it == p.sink(track) && after >= before+2
	})
}

// Each of them loses what a scenario takes away, and everything flows again.
func comeBack(all *checks, alice, bob *person, brief bool) {
	scenarios := []struct {
		name     string
		scenario lksdk.SimulateScenario
	}{
		{"a broken signalling socket", lksdk.SimulateSignalReconnect},
		{"a migration", lksdk.SimulateMigration},
		{"the failure of the node", lksdk.SimulateNodeFailure},
		{"a request to reconnect", lksdk.SimulateLeaveRequestFullReconnect},
	}
	for at, it := range scenarios {
		for other, who := range []*person{alice, bob} {
			// The broken socket of one, and the failed node of the other.
			if brief && at != 2*other {
				continue
			}
			all.that(who.name+" comes back after "+it.name, func() error {
				before := who.reconnected.Load()
				who.room.Simulate(it.scenario)
				err := until("it is reconnected", func() bool { return who.reconnected.Load() > before })
				if err != nil {
					return err
				}
				return allFlows(alice, bob)
			})
		}
	}
	all.that("bob is sent away, and alice goes on", func() error {
		bob.room.Simulate(lksdk.SimulateServerLeave)
		if err := until("bob is gone", bob.gone.Load); err != nil {
			return err
		}
		return until("alice is alone", func() bool { return len(alice.room.GetRemoteParticipants()) == 0 })
	})
}

func allFlows(alice, bob *person) error {
	for _, track := range []string{"voice", "camera", "film", "screen"} {
		if err := goesOn(bob, track); err != nil {
			return err
		}
	}
	if err := goesOn(alice, "answer"); err != nil {
		return err
	}
	if it := bob.sink("screen"); it.codec != webrtc.MimeTypeH264 {
		return fmt.Errorf("the screen came back as %s", it.codec)
	}
	payload := fmt.Sprintf("after %d and %d", alice.reconnected.Load(), bob.reconnected.Load())
	for _, pair := range [][2]*person{{alice, bob}, {bob, alice}} {
		from, to := pair[0], pair[1]
		err := until("data goes again", func() bool {
			packet := &lksdk.UserDataPacket{Payload: []byte(payload), Topic: "again"}
			_ = from.room.LocalParticipant.PublishDataPacket(packet, lksdk.WithDataPublishReliable(true))
			time.Sleep(50 * time.Millisecond)
			return to.has(received{from.name, "again", payload})
		})
		if err != nil {
			return err
		}
	}
	return nil
}
