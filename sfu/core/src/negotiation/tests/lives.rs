use beckon_sfu_api::{Announced, Codec, Kind, Refused};

use super::{Client, Us, announced, carried, read, section, wanted};
use crate::negotiation::sdp::Direction;
use crate::negotiation::{Answered, Answerer, Wanted};

/// A connection with what each side wants of it.
struct Life {
    us: Us,
    client: Client,
    answerer: Answerer,
    announced: Vec<Announced>,
    wanted: Vec<Wanted>,
}

impl Life {
    /// With three sections of each kind to receive in: audio in 0, 1, 2, video in 3, 4, 5.
    fn new() -> Life {
        let mut client = Client::default();
        for kind in [Kind::Audio, Kind::Video] {
            (0..3).for_each(|_| _ = client.add(kind, "recvonly"));
        }
        Life {
            us: Us::new(),
            client,
            answerer: Answerer::new(),
            announced: Vec::new(),
            wanted: Vec::new(),
        }
    }

    fn offer(&mut self) -> Answered {
        let (offer, local) = (self.client.offer(), self.us.local());
        let answered = self.answerer.answer(&offer.into(), &local, &self.announced, &self.wanted);
        self.announced.retain(|track| answered.published.iter().all(|new| new.track != track.id));
        answered
    }

    fn missing(&self) -> Option<(u32, u32)> {
        self.answerer.missing(&self.wanted)
    }

    fn unwant(&mut self, track: &str) {
        self.wanted.retain(|wanted| wanted.track.as_str() != track);
    }
}

fn direction(answered: &Answered, mid: usize) -> Direction {
    read(&answered.sdp).sections[mid].direction
}

#[test]
fn a_track_is_published_taken_back_and_published_again() {
    let mut life = Life::new();
    life.offer();
    life.announced.push(announced("TR_1", "camera", Codec::Vp8));
    let first = life.client.publish(Kind::Video, "camera");
    let answered = life.offer();
    assert_eq!(answered.published[0].mid, first.to_string());
    assert_eq!(answered.published[0].ssrcs, [(1006, None)]);
    assert_eq!(direction(&answered, first), Direction::Receive);

    life.client.turn(first, "sendonly", "inactive");
    let answered = life.offer();
    assert_eq!(answered.ended, ["TR_1".into()]);
    assert_eq!(direction(&answered, first), Direction::Inactive);

    life.announced.push(announced("TR_2", "camera again", Codec::Vp8));
    let second = life.client.publish(Kind::Video, "camera again");
    let answered = life.offer();
    assert_eq!((answered.published[0].mid.as_str(), second), ("7", 7));
    assert!(answered.ended.is_empty());
    assert_eq!(life.offer().published, []);
}

#[test]
fn a_publisher_that_changes_its_streams_is_told_again() {
    let mut life = Life::new();
    life.announced.push(announced("TR_1", "camera", Codec::Vp8));
    let mid = life.client.publish(Kind::Video, "camera");
    life.offer();
    life.client.turn(mid, "a=ssrc:1006", "a=ssrc:4711");
    assert_eq!(life.offer().published[0].ssrcs, [(4711, None)]);
}

#[test]
fn tracks_go_by_name_before_they_go_by_kind() {
    let mut life = Life::new();
    life.announced.push(announced("TR_camera", "camera", Codec::Vp8));
    life.announced.push(announced("TR_screen", "screen", Codec::Vp8));
    life.announced.push(announced("TR_other", "unlike its msid", Codec::Vp8));
    for cid in ["{b}", "screen", "camera"] {
        life.client.publish(Kind::Video, cid);
    }
    let published = life.offer().published;
    let tracks: Vec<&str> = published.iter().map(|track| track.track.as_str()).collect();
    assert_eq!(tracks, ["TR_other", "TR_screen", "TR_camera"]);
}

#[test]
fn what_was_not_announced_or_is_forgotten_is_not_received() {
    let mut life = Life::new();
    let mid = life.client.publish(Kind::Video, "camera");
    assert_eq!(direction(&life.offer(), mid), Direction::Inactive);

    life.announced.push(announced("TR_1", "camera", Codec::Vp8));
    assert_eq!(direction(&life.offer(), mid), Direction::Receive);

    life.answerer.forget(&"TR_1".into());
    life.announced.push(announced("TR_2", "to come", Codec::Vp8));
    let answered = life.offer();
    assert_eq!(direction(&answered, mid), Direction::Inactive);
    assert_eq!((answered.published, answered.ended), (vec![], vec![]));
}

#[test]
fn sections_are_asked_for_used_freed_and_used_again() {
    let mut life = Life::new();
    assert_eq!(life.missing(), None);
    for (at, track) in ["TR_1", "TR_2", "TR_3", "TR_4", "TR_5"].into_iter().enumerate() {
        life.wanted.push(wanted(track, Codec::Vp8, 100 * at as u32));
    }
    assert_eq!(life.missing(), None, "the first offer is still to come");
    let answered = life.offer();
    assert_eq!(carried(&answered.mids), [("3", "TR_1"), ("4", "TR_2"), ("5", "TR_3")]);
    assert_eq!(life.missing(), Some((0, 2)));
    life.wanted.push(wanted("TR_a", Codec::Opus, 1000));
    assert_eq!(life.missing(), Some((0, 2)), "audio sections are free");

    (0..2).for_each(|_| _ = life.client.add(Kind::Video, "recvonly"));
    let answered = life.offer();
    let bound: Vec<&str> = answered.bound.iter().map(|bound| bound.mid.as_str()).collect();
    assert_eq!(bound, ["6", "7", "0"]);
    assert_eq!(answered.mids.len(), 6);
    assert_eq!(life.missing(), None);

    life.unwant("TR_2");
    assert_eq!(life.missing(), Some((0, 0)), "a new offer is needed to take a track away");
    life.wanted.push(wanted("TR_6", Codec::Vp8, 600));
    assert_eq!(life.missing(), Some((0, 1)), "a section carries nothing else at once");
    let answered = life.offer();
    assert_eq!(answered.bound, []);
    assert_eq!(direction(&answered, 4), Direction::Inactive);
    assert!(!section(&answered.sdp, "4").contains("ssrc"));
    assert_eq!(life.missing(), Some((0, 0)), "now it may");
    let answered = life.offer();
    assert_eq!((answered.bound[0].track.as_str(), answered.bound[0].mid.as_str()), ("TR_6", "4"));
    assert_eq!(life.missing(), None);
}

#[test]
fn a_track_wanted_anew_is_bound_anew() {
    let mut life = Life::new();
    life.wanted.push(wanted("TR_1", Codec::Vp8, 100));
    life.offer();
    assert_eq!(life.offer().bound, []);
    life.wanted[0].ssrc = 200;
    assert_eq!(life.missing(), Some((0, 0)));
    let answered = life.offer();
    assert_eq!(direction(&answered, 3), Direction::Inactive);
    assert_eq!(carried(&answered.mids), [("4", "TR_1")]);
    assert!(section(&answered.sdp, "4").contains("a=ssrc:200 "));
}

#[test]
fn a_track_whose_section_the_client_closes_moves_to_another() {
    let mut life = Life::new();
    life.wanted.push(wanted("TR_1", Codec::Vp8, 100));
    life.offer();
    life.client.turn(3, "recvonly", "inactive");
    let answered = life.offer();
    assert_eq!(carried(&answered.mids), [("4", "TR_1")]);
    assert_eq!(answered.bound[0].mid, "4");
}

#[test]
fn a_codec_that_the_client_lacks_is_refused_once() {
    let mut life = Life::new();
    life.wanted.push(wanted("TR_av1", Codec::Av1, 100));
    life.wanted.push(wanted("TR_vp8", Codec::Vp8, 200));
    let answered = life.offer();
    assert_eq!(answered.refused, [("TR_av1".into(), Refused::Codec)]);
    assert_eq!(carried(&answered.mids), [("3", "TR_vp8")]);
    assert_eq!(life.missing(), None);
    assert_eq!(life.offer().refused, []);
    life.unwant("TR_av1");
    life.offer();
    life.wanted.push(wanted("TR_av1", Codec::Av1, 300));
    assert_eq!(life.offer().refused.len(), 1, "wanted again, it is told again");
}

#[test]
fn a_restart_of_ice_changes_nothing_else() {
    let mut life = Life::new();
    life.announced.push(announced("TR_1", "camera", Codec::Vp8));
    life.client.publish(Kind::Video, "camera");
    life.wanted.push(wanted("TR_2", Codec::Vp8, 100));
    let before = life.offer();
    let ufrag = life.client.offer().ufrag;
    life.client.restarts += 1;
    life.us = Us::new();
    assert_ne!(life.client.offer().ufrag, ufrag);
    let after = life.offer();
    assert_eq!((after.published, after.ended, after.bound), (vec![], vec![], vec![]));
    assert_eq!(after.mids, before.mids);
    assert_eq!(read(&after.sdp).ufrag, life.us.credentials.ufrag);
}

#[test]
fn sections_are_never_asked_for_beyond_the_limit() {
    let mut life = Life::new();
    (0..120).for_each(|_| _ = life.client.add(Kind::Video, "inactive"));
    for at in 0..10 {
        life.wanted.push(wanted(&format!("TR_{at}"), Codec::Vp8, 10 * at));
    }
    life.offer();
    assert_eq!(life.missing(), Some((0, 2)));
    (0..2).for_each(|_| _ = life.client.add(Kind::Video, "recvonly"));
    let answered = life.offer();
    assert_eq!(answered.mids.len(), 5);
    assert_eq!(answered.refused.len(), 5);
    assert!(answered.refused.iter().all(|(_, why)| *why == Refused::Limit));
    assert_eq!(life.missing(), None);

    life.unwant("TR_0");
    life.wanted.push(wanted("TR_late", Codec::Vp8, 1000));
    assert_eq!(life.missing(), Some((0, 0)));
    assert_eq!(life.offer().refused, [], "there is room once the section has rested");
    assert_eq!(life.missing(), Some((0, 0)));
    assert_eq!(life.offer().bound.len(), 1);
}
