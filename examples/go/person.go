package main

import (
	"fmt"
	"sync"
	"sync/atomic"

	lksdk "github.com/livekit/server-sdk-go/v2"
	"github.com/pion/webrtc/v4"
)

// Somebody in the room, and what reached them.
type person struct {
	name        string
	room        *lksdk.Room
	lock        sync.Mutex
	heard       map[string]*sink // by the name of the track
	mimes       map[string][]string
	muted       map[string]bool
	data        []received
	texts       []string
	reconnected atomic.Int32
	gone        atomic.Bool
	listened    atomic.Int32 // tracks of theirs that somebody subscribed to
}

// A message on a data channel.
type received struct{ from, topic, payload string }

func newPerson(name string) *person {
	return &person{
		name:  name,
		heard: map[string]*sink{},
		mimes: map[string][]string{},
		muted: map[string]bool{},
	}
}

func (p *person) join(s settings) error {
	info := lksdk.ConnectInfo{
		APIKey: s.key, APISecret: s.secret, RoomName: s.room, ParticipantIdentity: p.name,
	}
	var options []lksdk.ConnectOption
	if s.single {
		options = append(options, lksdk.WithSinglePeerConnection())
	}
	p.room = lksdk.NewRoom(p.callbacks())
	err := p.room.RegisterTextStreamHandler("chat", func(reader *lksdk.TextStreamReader, from string) {
		text := reader.ReadAll()
		p.lock.Lock()
		defer p.lock.Unlock()
		p.texts = append(p.texts, from+": "+text)
	})
	if err != nil {
		return err
	}
	err = p.room.RegisterRpcMethod("greet", func(call lksdk.RpcInvocationData) (string, error) {
		return fmt.Sprintf("%s greets %s: %s", p.name, call.CallerIdentity, call.Payload), nil
	})
	if err != nil {
		return err
	}
	return p.room.Join(s.url, info, options...)
}

func (p *person) callbacks() *lksdk.RoomCallback {
	return &lksdk.RoomCallback{
		OnReconnected:  func() { p.reconnected.Add(1) },
		OnDisconnected: func() { p.gone.Store(true) },
		OnLocalTrackSubscribed: func(*lksdk.LocalTrackPublication, *lksdk.LocalParticipant) {
			p.listened.Add(1)
		},
		ParticipantCallback: lksdk.ParticipantCallback{
			OnTrackPublished:  p.published,
			OnTrackSubscribed: p.subscribed,
			OnTrackMuted: func(pub lksdk.TrackPublication, _ lksdk.Participant) {
				p.noteMuted(pub.Name(), true)
			},
			OnTrackUnmuted: func(pub lksdk.TrackPublication, _ lksdk.Participant) {
				p.noteMuted(pub.Name(), false)
			},
			OnDataPacket: func(packet lksdk.DataPacket, from lksdk.DataReceiveParams) {
				if user, ok := packet.(*lksdk.UserDataPacket); ok {
					p.lock.Lock()
					defer p.lock.Unlock()
					it := received{from.SenderIdentity, user.Topic, string(user.Payload)}
					p.data = append(p.data, it)
				}
			},
		},
	}
}

func (p *person) published(pub *lksdk.RemoteTrackPublication, _ *lksdk.RemoteParticipant) {
	p.lock.Lock()
	defer p.lock.Unlock()
	p.mimes[pub.Name()] = append(p.mimes[pub.Name()], pub.MimeType())
}

func (p *person) subscribed(
	track *webrtc.TrackRemote, pub *lksdk.RemoteTrackPublication, _ *lksdk.RemoteParticipant,
) {
	it := newSink(track.Codec().MimeType, pub.MimeType())
	p.lock.Lock()
	p.heard[pub.Name()] = it
	p.lock.Unlock()
	go it.drain(track)
}

func (p *person) noteMuted(track string, muted bool) {
	p.lock.Lock()
	defer p.lock.Unlock()
	p.muted[track] = muted
}

func (p *person) isMuted(track string) bool {
	p.lock.Lock()
	defer p.lock.Unlock()
	return p.muted[track]
}

// What came of the track that was subscribed to last under this name.
func (p *person) sink(track string) *sink {
	p.lock.Lock()
	defer p.lock.Unlock()
	return p.heard[track]
}

func (p *person) has(message received) bool {
	p.lock.Lock()
	defer p.lock.Unlock()
	for _, it := range p.data {
		if it == message {
			return true
		}
	}
	return false
}

func (p *person) hasText(text string) bool {
	p.lock.Lock()
	defer p.lock.Unlock()
	for _, it := range p.texts {
		if it == text {
			return true
		}
	}
	return false
}

func (p *person) leave() { p.room.Disconnect() }

// Shows what was negotiated last.
func (p *person) describe() {
	pcs := map[string]*webrtc.PeerConnection{
		"publisher":  p.room.LocalParticipant.GetPublisherPeerConnection(),
		"subscriber": p.room.LocalParticipant.GetSubscriberPeerConnection(),
	}
	for side, pc := range pcs {
		if pc != nil && pc.LocalDescription() != nil {
			fmt.Printf("--- %s, %s, local %s\n%s", p.name, side, pc.LocalDescription().Type, pc.LocalDescription().SDP)
		}
		if pc != nil && pc.RemoteDescription() != nil {
			fmt.Printf("--- %s, %s, remote %s\n%s", p.name, side, pc.RemoteDescription().Type, pc.RemoteDescription().SDP)
		}
	}
}
