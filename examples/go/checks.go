package main

import (
	"fmt"
	"time"

	"github.com/livekit/protocol/livekit"
	lksdk "github.com/livekit/server-sdk-go/v2"
	"github.com/pion/webrtc/v4"
)

// Hides what a track's codec is, so that it is announced without one, as older SDKs do.
type nameless struct{ webrtc.TrackLocal }

// Alice publishes one of each, Bob a sound.
func exchangeMedia(all *checks, alice, bob *person) {
	all.that("audio is received", func() error {
		if err := publish(alice, "voice", webrtc.MimeTypeOpus, opusFrame, audioInterval); err != nil {
			return err
		}
		return flows(bob, "voice", webrtc.MimeTypeOpus)
	})
	all.that("audio is received the other way", func() error {
		if err := publish(bob, "answer", webrtc.MimeTypeOpus, opusFrame, audioInterval); err != nil {
			return err
		}
		return flows(alice, "answer", webrtc.MimeTypeOpus)
	})
	all.that("VP8 is received", func() error {
		if err := publish(alice, "camera", webrtc.MimeTypeVP8, vp8Frame, videoInterval); err != nil {
			return err
		}
		return flows(bob, "camera", webrtc.MimeTypeVP8)
	})
	all.that("H264 is received, announced with its codec", func() error {
		if err := publish(alice, "film", webrtc.MimeTypeH264, h264Frame, videoInterval); err != nil {
			return err
		}
		return flows(bob, "film", webrtc.MimeTypeH264)
	})
	all.that("H264 is received, announced without a codec", func() error {
		if err := publishNameless(alice, "screen"); err != nil {
			return err
		}
		return flows(bob, "screen", webrtc.MimeTypeH264)
	})
	all.that("no track was ever told under another codec", func() error { return truthful(bob) })
	all.that("the publisher hears that its tracks are subscribed to", func() error {
		return until("four tracks are subscribed to", func() bool { return alice.listened.Load() >= 4 })
	})
}

func publish(
	p *person, name, mime string, frame func(uint32) []byte, interval time.Duration,
) error {
	capability := webrtc.RTPCodecCapability{MimeType: mime, ClockRate: 90000}
	if mime == webrtc.MimeTypeOpus {
		capability = webrtc.RTPCodecCapability{MimeType: mime, ClockRate: 48000, Channels: 2}
	}
	track, err := lksdk.NewLocalTrack(capability)
	if err != nil {
		return err
	}
	source := newSource(frame, interval)
	track.OnBind(func() { _ = track.StartWrite(source, nil) })
	options := &lksdk.TrackPublicationOptions{Name: name, VideoWidth: 320, VideoHeight: 180}
	_, err = p.room.LocalParticipant.PublishTrack(track, options)
	return err
}

func publishNameless(p *person, name string) error {
	capability := webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeH264, ClockRate: 90000}
	track, err := webrtc.NewTrackLocalStaticSample(capability, name, name)
	if err != nil {
		return err
	}
	go newSource(h264Frame, videoInterval).write(track)
	options := &lksdk.TrackPublicationOptions{Name: name, Source: livekit.TrackSource_SCREEN_SHARE}
	_, err = p.room.LocalParticipant.PublishTrack(nameless{track}, options)
	return err
}

// Whether a track arrives, and is what it is said to be.
func flows(p *person, track, mime string) error {
	err := until(track+" flows", func() bool {
		packets, frames, bytes, keyframe := p.sink(track).counts()
		if mime == webrtc.MimeTypeOpus {
			return packets >= 25 && bytes >= 25*80
		}
		return frames >= 20 && bytes >= 20*frameBytes && keyframe
	})
	it := p.sink(track)
	packets, frames, bytes, keyframe := it.counts()
	if err != nil {
		return fmt.Errorf("%w (%d packets, %d frames, %d bytes, keyframe: %t)", err, packets, frames, bytes, keyframe)
	}
	if it.codec != mime || it.published != mime {
		return fmt.Errorf("is %s by its description and %s by its publication", it.codec, it.published)
	}
	return nil
}

func truthful(p *person) error {
	p.lock.Lock()
	defer p.lock.Unlock()
	expected := map[string]string{
		"voice": webrtc.MimeTypeOpus, "camera": webrtc.MimeTypeVP8,
		"film": webrtc.MimeTypeH264, "screen": webrtc.MimeTypeH264,
	}
	for track, mimes := range p.mimes {
		for _, mime := range mimes {
			if want := expected[track]; mime != want && mime != "" {
				return fmt.Errorf("%s was told as %s, and is %s", track, mime, want)
			}
		}
	}
	return nil
}

func exchangeData(all *checks, alice, bob *person) {
	for _, pair := range [][2]*person{{alice, bob}, {bob, alice}} {
		from, to := pair[0], pair[1]
		way := fmt.Sprintf("from %s to %s", from.name, to.name)
		for _, reliable := range []bool{true, false} {
			kind := map[bool]string{true: "reliable", false: "lossy"}[reliable]
			all.that(kind+" data goes "+way, func() error { return send(from, to, kind, reliable) })
		}
		all.that("a text stream goes "+way, func() error { return write(from, to) })
		all.that("a call is answered "+way, func() error { return call(from, to) })
	}
}

func send(from, to *person, topic string, reliable bool) error {
	payload := "hello from " + from.name
	return until("the message arrives", func() bool {
		// A lossy one may get lost.
		if !reliable || !to.has(received{from.name, topic, payload}) {
			packet := &lksdk.UserDataPacket{Payload: []byte(payload), Topic: topic}
			options := lksdk.WithDataPublishReliable(reliable)
			if from.room.LocalParticipant.PublishDataPacket(packet, options) != nil {
				return false
			}
		}
		time.Sleep(50 * time.Millisecond)
		return to.has(received{from.name, topic, payload})
	})
}

func write(from, to *person) error {
	text := ""
	for line := range 2000 {
		text += fmt.Sprintf("line %d of %s, 中文, ", line, from.name)
	}
	from.room.LocalParticipant.SendText(text, lksdk.StreamTextOptions{Topic: "chat"})
	return until("the whole text arrives", func() bool { return to.hasText(from.name + ": " + text) })
}

func call(from, to *person) error {
	answer, err := from.room.LocalParticipant.PerformRpc(lksdk.PerformRpcParams{
		DestinationIdentity: to.name, Method: "greet", Payload: "hello",
	})
	if err != nil {
		return err
	}
	if want := fmt.Sprintf("%s greets %s: hello", to.name, from.name); *answer != want {
		return fmt.Errorf("%q instead of %q", *answer, want)
	}
	return nil
}
