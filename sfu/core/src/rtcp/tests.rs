use proptest::prelude::*;

use super::*;

fn only(bytes: &[u8]) -> Packet<'_> {
    let mut packets = packets(bytes);
    let packet = packets.next().unwrap();
    assert!(packets.next().is_none());
    packet
}

fn nack(lost: &[u16]) -> Vec<u8> {
    let mut out = Vec::new();
    write_nack(&mut out, 1, 2, lost);
    out
}

fn lost(bytes: &[u8]) -> Vec<u16> {
    match only(bytes) {
        Packet::Nack { sender: 1, media: 2, lost } => lost.collect(),
        other => panic!("{other:?}"),
    }
}

const REPORT: Report = Report {
    ssrc: 0x1111_2222,
    fraction_lost: 12,
    lost: -3,
    highest: 0x0001_fffe,
    jitter: 77,
    last_sr: 0xaabb_ccdd,
    delay: 65_536,
};

#[test]
fn a_browsers_compound_is_read() {
    // Receiver report with one block, source description, REMB of 1,000,000 bit/s for one stream.
    let compound = [
        0x81, 201, 0, 7, 0, 0, 0, 1, 0x11, 0x11, 0x22, 0x22, 12, 0xff, 0xff, 0xfd, 0, 1, 0xff,
        0xfe, 0, 0, 0, 77, 0xaa, 0xbb, 0xcc, 0xdd, 0, 1, 0, 0, //
        0x81, 202, 0, 2, 0, 0, 0, 1, 1, 1, b'a', 0, //
        0x8f, 206, 0, 5, 0, 0, 0, 1, 0, 0, 0, 0, b'R', b'E', b'M', b'B', 1, 0x0b, 0xd0, 0x90, 0, 0,
        0, 9,
    ];
    let all: Vec<_> = packets(&compound).collect();
    assert_eq!(all.len(), 3);
    let Packet::ReceiverReport { ssrc: 1, reports } = &all[0] else { panic!("{all:?}") };
    assert!(reports.clone().eq([REPORT]));
    assert!(matches!(all[1], Packet::Other));
    let Packet::Remb { sender: 1, bitrate, media } = &all[2] else { panic!("{all:?}") };
    assert_eq!(*bitrate, 1_000_000);
    assert!(media.clone().eq([9]));
}

#[test]
fn a_sender_report_is_read_back() {
    let mut out = Vec::new();
    write_sender_report(&mut out, 1, 0x0102_0304_0506_0708, 9, 10, 11);
    let Packet::SenderReport { ssrc, ntp, rtp, packets, octets, mut reports } = only(&out) else {
        panic!("{out:?}");
    };
    assert_eq!((ssrc, ntp, rtp, packets, octets), (1, 0x0102_0304_0506_0708, 9, 10, 11));
    assert_eq!(reports.next(), None);
}

#[test]
fn more_reports_than_a_packet_counts_take_another() {
    let mut out = Vec::new();
    write_receiver_report(&mut out, 7, (0..40).map(|ssrc| Report { ssrc, ..REPORT }));
    let told: Vec<Vec<u32>> = packets(&out)
        .map(|packet| match packet {
            Packet::ReceiverReport { ssrc: 7, reports } => reports.map(|it| it.ssrc).collect(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(told, [(0..31).collect::<Vec<_>>(), (31..40).collect()]);
}

#[test]
fn an_empty_receiver_report_is_one_packet() {
    let mut out = Vec::new();
    write_receiver_report(&mut out, 7, []);
    assert_eq!(out, [0x80, 201, 0, 1, 0, 0, 0, 7]);
}

#[test]
fn losses_out_of_range_are_told_as_the_nearest() {
    for (lost, told) in [(i32::MAX, 0x7f_ffff), (i32::MIN, -0x80_0000)] {
        let mut out = Vec::new();
        write_receiver_report(&mut out, 7, [Report { lost, ..REPORT }]);
        let Packet::ReceiverReport { mut reports, .. } = only(&out) else { panic!() };
        assert_eq!(reports.next().unwrap(), Report { lost: told, ..REPORT });
    }
}

#[test]
fn losses_close_to_each_other_share_an_entry() {
    let bytes = nack(&[10, 11, 26, 27]);
    assert_eq!(bytes[..4], [0x81, 205, 0, 4]);
    assert_eq!(bytes[12..], [0, 10, 0x80, 0x01, 0, 27, 0, 0]);
    assert_eq!(lost(&bytes), [10, 11, 26, 27]);
    assert_eq!(lost(&nack(&[0xfffe, 0xffff, 0, 5])), [0xfffe, 0xffff, 0, 5], "over the wrap");
    assert_eq!(lost(&nack(&[3, 3, 2])), [3, 2], "twice, and out of order");
    assert_eq!(nack(&[]), []);
}

#[test]
fn very_many_losses_fit_a_datagram() {
    let every_twentieth: Vec<u16> = (0..1000).map(|at| at * 20).collect();
    let bytes = nack(&every_twentieth);
    assert!(bytes.len() <= 1200);
    assert_eq!(lost(&bytes), every_twentieth[..256]);
}

#[test]
fn keyframe_requests_and_goodbyes_are_read_back() {
    let mut out = Vec::new();
    write_pli(&mut out, 1, 2);
    write_fir(&mut out, 1, 3, 200);
    write_bye(&mut out, 4);
    let all: Vec<_> = packets(&out).collect();
    assert!(matches!(all[0], Packet::Pli { sender: 1, media: 2 }));
    let Packet::Fir { sender: 1, targets } = &all[1] else { panic!("{all:?}") };
    assert!(targets.clone().eq([(3, 200)]));
    let Packet::Bye { ssrcs } = &all[2] else { panic!("{all:?}") };
    assert!(ssrcs.clone().eq([4]));
}

#[test]
fn what_follows_a_malformed_packet_is_not_read() {
    let mut good = Vec::new();
    write_pli(&mut good, 1, 2);
    let malformed: [&[u8]; 8] = [
        &[0x40, 201, 0, 1, 0, 0, 0, 7],             // another version
        &[0x80, 201, 0, 0],                         // no SSRC
        &[0x81, 201, 0, 1, 0, 0, 0, 7],             // fewer reports than it counts
        &[0x80, 200, 0, 2, 0, 0, 0, 7, 0, 0, 0, 0], // a cut sender report
        &[0x81, 206, 0, 1, 0, 0, 0, 7],             // feedback without a media SSRC
        &[0x82, 203, 0, 1, 0, 0, 0, 7],             // fewer SSRCs than it counts
        &[0xa0, 201, 0, 1, 0, 0, 0, 9],             // more padding than there is
        &[0xa0, 201, 0, 1, 0, 0, 0, 0],             // padding that does not count itself
    ];
    for bad in malformed {
        let compound = [&good, bad, &good].concat();
        assert_eq!(packets(&compound).count(), 1, "{bad:?}");
    }
    for cut in 0..good.len() {
        assert_eq!(packets(&good[..cut]).count(), 0, "{cut} bytes");
    }
}

#[test]
fn a_bitrate_beyond_all_numbers_is_refused() {
    let mut remb = vec![0x8f, 206, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0];
    remb.extend_from_slice(b"REMB\x00\xff\xff\xff");
    assert_eq!(packets(&remb).count(), 0);
}

#[test]
fn padding_is_not_read() {
    let bytes = [0xa1, 205, 0, 4, 0, 0, 0, 1, 0, 0, 0, 2, 0, 10, 0, 0, 0, 0, 0, 4];
    assert_eq!(lost(&bytes), [10]);
}

proptest! {
    #[test]
    fn losses_are_read_back(lost in prop::collection::btree_set(any::<u16>(), 1..200)) {
        let lost: Vec<u16> = lost.into_iter().collect();
        prop_assert_eq!(super::tests::lost(&nack(&lost)), lost);
    }

    #[test]
    fn reports_are_read_back(
        ssrc: u32, fraction_lost: u8, lost in -0x80_0000i32..0x80_0000,
        highest: u32, jitter: u32, last_sr: u32, delay: u32,
    ) {
        let report = Report { ssrc, fraction_lost, lost, highest, jitter, last_sr, delay };
        let mut out = Vec::new();
        write_receiver_report(&mut out, 7, [report]);
        let Packet::ReceiverReport { mut reports, .. } = only(&out) else { panic!() };
        prop_assert_eq!(reports.next(), Some(report));
    }
}
