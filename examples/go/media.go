package main

import (
	"context"
	"encoding/binary"
	"sync"
	"time"

	"github.com/pion/webrtc/v4"
	"github.com/pion/webrtc/v4/pkg/media"
)

// Frames of a picture or a sound that decoders would refuse, but that are numbered and framed as those of an encoder.
type source struct {
	frame    func(number uint32) []byte
	interval time.Duration
	number   uint32
	stop     chan struct{}
}

const (
	audioInterval = 20 * time.Millisecond
	videoInterval = 33 * time.Millisecond
	// Frames from one picture that stands alone to the next.
	keyframeEvery = 15
	frameBytes    = 3000
)

func newSource(frame func(uint32) []byte, interval time.Duration) *source {
	return &source{frame: frame, interval: interval, stop: make(chan struct{})}
}

// As the SDK's tracks ask for it.
func (s *source) NextSample(context.Context) (media.Sample, error) {
	s.number++
	return media.Sample{Data: s.frame(s.number), Duration: s.interval}, nil
}

func (s *source) OnBind() error   { return nil }
func (s *source) OnUnbind() error { return nil }
func (s *source) Close() error    { return nil }

// As pion's own tracks need it.
func (s *source) write(track *webrtc.TrackLocalStaticSample) {
	for tick := time.NewTicker(s.interval); ; {
		select {
		case <-s.stop:
			tick.Stop()
			return
		case <-tick.C:
			sample, _ := s.NextSample(context.Background())
			// It fails while the track is not bound.
			_ = track.WriteSample(sample)
		}
	}
}

func opusFrame(number uint32) []byte {
	return append([]byte{0xfc}, numbered(number, 79)...)
}

// A frame header of RFC 6386, 9.1: the lowest bit tells whether it depends on others.
func vp8Frame(number uint32) []byte {
	if number%keyframeEvery == 1 {
		return append([]byte{0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xb4, 0x00}, numbered(number, frameBytes)...)
	}
	return append([]byte{0x11, 0, 0}, numbered(number, frameBytes)...)
}

// NAL units in the byte stream format of H.264, annex B.
func h264Frame(number uint32) []byte {
	start := []byte{0, 0, 0, 1}
	slice := func(header byte) []byte {
		return append(append(append([]byte{}, start...), header, 0x88), numbered(number, frameBytes)...)
	}
	if number%keyframeEvery != 1 {
		return slice(0x41)
	}
	parameters := []byte{
		0, 0, 0, 1, 0x67, 0x42, 0xe0, 0x1f, 0xda, 0x02, 0x80, 0xbf, 0xe5, 0x84,
		0, 0, 0, 1, 0x68, 0xce, 0x3c, 0x80,
	}
	return append(parameters, slice(0x65)...)
}

// No two zero bytes follow each other: they would begin a NAL unit.
func numbered(number uint32, length int) []byte {
	bytes := make([]byte, length)
	binary.BigEndian.PutUint32(bytes, number|0x01010101)
	for at := 4; at < length; at++ {
		bytes[at] = byte(at%250 + 1)
	}
	return bytes
}

// What came of a track.
type sink struct {
	// What the description says of it, and what its publication said.
	codec, published       string
	lock                   sync.Mutex
	packets, frames, bytes int
	keyframe               bool
}

func newSink(codec, published string) *sink {
	return &sink{codec: codec, published: published}
}

// Counts packets until the track ends.
func (s *sink) drain(track *webrtc.TrackRemote) {
	for {
		packet, _, err := track.ReadRTP()
		if err != nil {
			return
		}
		s.lock.Lock()
		s.packets++
		s.bytes += len(packet.Payload)
		if packet.Marker {
			s.frames++
		}
		s.keyframe = s.keyframe || startsKeyframe(track.Codec().MimeType, packet.Payload)
		s.lock.Unlock()
	}
}

func (s *sink) counts() (packets, frames, bytes int, keyframe bool) {
	if s == nil {
		return
	}
	s.lock.Lock()
	defer s.lock.Unlock()
	return s.packets, s.frames, s.bytes, s.keyframe
}

func startsKeyframe(mime string, payload []byte) bool {
	switch mime {
	case webrtc.MimeTypeVP8:
		return vp8Keyframe(payload)
	case webrtc.MimeTypeH264:
		return h264Keyframe(payload)
	}
	return false
}

// Behind the payload descriptor of RFC 7741, 4.2, at the start of a frame.
func vp8Keyframe(payload []byte) bool {
	at := 1
	if len(payload) < 2 || payload[0]&0x10 == 0 {
		return false
	}
	if payload[0]&0x80 != 0 {
		extensions := payload[1]
		at++
		if extensions&0x80 != 0 && len(payload) > at {
			at += 1 + int(payload[at]>>7)
		}
		if extensions&0x40 != 0 {
			at++
		}
		if extensions&0x30 != 0 {
			at++
		}
	}
	return len(payload) > at && payload[at]&1 == 0
}

// A unit of its own, the first of several (STAP-A), or the start of a fragmented one (RFC 6184, 5.4).
func h264Keyframe(payload []byte) bool {
	if len(payload) < 4 {
		return false
	}
	kind := payload[0] & 0x1f
	switch kind {
	case 24:
		kind = payload[3] & 0x1f
	case 28:
		kind = payload[1] & 0x1f
	}
	return kind == 5 || kind == 7
}
