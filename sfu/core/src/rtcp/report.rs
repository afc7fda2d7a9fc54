//! Sender and receiver reports (RFC 3550, section 6.4).

use super::{Packet, RECEIVER_REPORT, SENDER_REPORT, split_u32, write_head};

const REPORT_LEN: usize = 24;
/// What five bits count to.
const REPORTS_MAX: usize = 31;

/// How a stream arrives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub ssrc: u32,
    /// Of the packets since the last report, in 1/256.
    pub fraction_lost: u8,
    /// Since the beginning; duplicates count against it. 24 bits are sent.
    pub lost: i32,
    /// The highest sequence number with the count of its wraps.
    pub highest: u32,
    /// In units of the stream's clock.
    pub jitter: u32,
    /// The middle 32 bits of the last sender report's time; 0 if there was none.
    pub last_sr: u32,
    /// Since that report, in 1/65536 s.
    pub delay: u32,
}

const LOST_MAX: i32 = 0x7f_ffff;

impl Report {
    fn read(bytes: &[u8; REPORT_LEN]) -> Report {
        let word = |at: usize| {
            u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
        };
        Report {
            ssrc: word(0),
            fraction_lost: bytes[4],
            // Shifted up and down again, the sign bit spreads.
            lost: (word(4) << 8) as i32 >> 8,
            highest: word(8),
            jitter: word(12),
            last_sr: word(16),
            delay: word(20),
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        let lost = self.lost.clamp(-LOST_MAX - 1, LOST_MAX) as u32 & 0xff_ffff;
        let second = u32::from(self.fraction_lost) << 24 | lost;
        for word in [self.ssrc, second, self.highest, self.jitter, self.last_sr, self.delay] {
            out.extend_from_slice(&word.to_be_bytes());
        }
    }
}

/// The reports of one packet.
#[derive(Clone, Debug, Default)]
pub struct Reports<'a>(&'a [u8]);

impl<'a> Reports<'a> {
    /// Extensions of the profile may follow the reports: they are left out.
    fn read(count: u8, body: &'a [u8]) -> Option<Self> {
        body.get(..usize::from(count) * REPORT_LEN).map(Reports)
    }
}

impl Iterator for Reports<'_> {
    type Item = Report;

    fn next(&mut self) -> Option<Report> {
        let (report, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(Report::read(report))
    }
}

pub(super) fn read_sender(count: u8, body: &[u8]) -> Option<Packet<'_>> {
    let (ssrc, body) = split_u32(body)?;
    let (ntp, body) = body.split_first_chunk()?;
    let (rtp, body) = split_u32(body)?;
    let (packets, body) = split_u32(body)?;
    let (octets, body) = split_u32(body)?;
    let reports = Reports::read(count, body)?;
    let ntp = u64::from_be_bytes(*ntp);
    Some(Packet::SenderReport { ssrc, ntp, rtp, packets, octets, reports })
}

pub(super) fn read_receiver(count: u8, body: &[u8]) -> Option<Packet<'_>> {
    let (ssrc, body) = split_u32(body)?;
    Some(Packet::ReceiverReport { ssrc, reports: Reports::read(count, body)? })
}

pub fn write_sender_report(
    out: &mut Vec<u8>,
    ssrc: u32,
    ntp: u64,
    rtp: u32,
    packets: u32,
    octets: u32,
) {
    write_head(out, SENDER_REPORT, 0, 24);
    out.extend_from_slice(&ssrc.to_be_bytes());
    out.extend_from_slice(&ntp.to_be_bytes());
    for word in [rtp, packets, octets] {
        out.extend_from_slice(&word.to_be_bytes());
    }
}

/// Appends as many packets as it takes, 31 reports each. Without any report it is an empty packet, which shows that we
/// live.
pub fn write_receiver_report(
    out: &mut Vec<u8>,
    sender: u32,
    reports: impl IntoIterator<Item = Report>,
) {
    let mut reports = reports.into_iter().peekable();
    loop {
        let head = out.len();
        write_head(out, RECEIVER_REPORT, 0, 4);
        out.extend_from_slice(&sender.to_be_bytes());
        let mut count = 0u8;
        for report in reports.by_ref().take(REPORTS_MAX) {
            report.write(out);
            count += 1;
        }
        out[head] |= count;
        out[head + 3] = 1 + count * (REPORT_LEN / 4) as u8;
        if reports.peek().is_none() {
            return;
        }
    }
}
