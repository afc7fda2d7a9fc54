//! An offer that is all work: many sections of many formats.

use std::fmt::Write as _;

use beckon_sfu_core::ice::IceCredentials;

/// Payload types of which each section lists so many.
const FORMATS: std::ops::Range<u8> = 32..128;

/// With 128 sections it has about 370 KiB.
pub fn offer(sections: usize, credentials: &IceCredentials, fingerprint: &str) -> String {
    let mids: Vec<String> = (0..sections).map(|mid| mid.to_string()).collect();
    let IceCredentials { ufrag, pwd } = credentials;
    let mut sdp = format!(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE {}\r\n\
         a=ice-ufrag:{ufrag}\r\na=ice-pwd:{pwd}\r\na=fingerprint:{fingerprint}\r\na=setup:actpass\r\n",
        mids.join(" ")
    );
    let list: Vec<String> = FORMATS.map(|format| format.to_string()).collect();
    for mid in mids {
        let _ = write!(sdp, "m=video 9 UDP/TLS/RTP/SAVPF {}\r\na=mid:{mid}\r\n", list.join(" "));
        sdp.push_str("a=recvonly\r\n");
        for format in FORMATS {
            let _ = write!(sdp, "a=rtpmap:{format} H264/90000\r\n");
        }
    }
    sdp
}
