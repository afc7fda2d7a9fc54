//! Colour profiles (ICC.1:2022): the numbers that colours are computed from. Names, dates, devices and the private
//! words of their makers go.

/// Larger profiles are dropped; those of printers take half of this.
pub(super) const BYTES_MAX: u64 = 1024 * 1024;

/// Entries of a tag table; real ones have less than twenty.
const TAGS_MAX: usize = 64;

const HEADER_BYTES: usize = 128;
const TAG_BYTES: usize = 12;

/// The bytes of the header that say how to compute: version, class, colour space, connection space; the signature;
/// rendering intent and illuminant.
const HEADER_KEPT: [std::ops::Range<usize>; 3] = [8..24, 36..40, 64..80];

const TAGS_KEPT: [&[u8; 4]; 16] = [
    b"wtpt", b"chad", b"rXYZ", b"gXYZ", b"bXYZ", b"rTRC", b"gTRC", b"bTRC", b"kTRC", b"cicp",
    b"A2B0", b"A2B1", b"A2B2", b"B2A0", b"B2A1", b"B2A2",
];

/// The profile without words; `None` when it is no profile.
pub(super) fn cleaned(profile: &[u8]) -> Option<Vec<u8>> {
    if profile.len() as u64 > BYTES_MAX || profile.get(36..40)? != b"acsp" {
        return None;
    }
    let count = word(profile, HEADER_BYTES)? as usize;
    let tags = (0..count.min(TAGS_MAX)).filter_map(|n| tag(profile, n)).collect::<Vec<_>>();
    if tags.is_empty() {
        return None;
    }
    let mut out = vec![0; HEADER_BYTES];
    for range in HEADER_KEPT {
        out[range.clone()].copy_from_slice(&profile[range]);
    }
    out.extend((tags.len() as u32).to_be_bytes());
    out.resize(out.len() + tags.len() * TAG_BYTES, 0);
    let mut placed: Vec<(&[u8], u32)> = Vec::new();
    for (n, (name, data)) in tags.iter().enumerate() {
        // The curves of the three colours are often one.
        let shared = placed.iter().find(|(known, _)| known == data).map(|(_, at)| *at);
        let at = shared.unwrap_or(out.len() as u32);
        if shared.is_none() {
            out.extend(*data);
            out.resize(out.len().next_multiple_of(4), 0);
            placed.push((data, at));
        }
        let entry = HEADER_BYTES + 4 + n * TAG_BYTES;
        out[entry..entry + 4].copy_from_slice(*name);
        out[entry + 4..entry + 8].copy_from_slice(&at.to_be_bytes());
        out[entry + 8..entry + 12].copy_from_slice(&(data.len() as u32).to_be_bytes());
    }
    let size = out.len() as u32;
    out[..4].copy_from_slice(&size.to_be_bytes());
    (u64::from(size) <= BYTES_MAX).then_some(out)
}

/// The n-th tag, if it is one that we keep: its name and data.
fn tag(profile: &[u8], n: usize) -> Option<(&'static [u8; 4], &[u8])> {
    let entry = HEADER_BYTES + 4 + n * TAG_BYTES;
    let name = profile.get(entry..entry + 4)?;
    let name = TAGS_KEPT.into_iter().find(|kept| name == *kept)?;
    let (from, len) = (word(profile, entry + 4)? as usize, word(profile, entry + 8)? as usize);
    let data = profile.get(from..from.checked_add(len)?)?;
    Some((name, data.get(..numbers(data)?)?))
}

/// How many bytes of a tag's data are numbers, by its type.
fn numbers(data: &[u8]) -> Option<usize> {
    Some(match data.get(..4)? {
        b"XYZ " => 20,
        b"sf32" => 8 + 9 * 4,
        b"cicp" => 12,
        b"curv" => 12 + (word(data, 8)? as usize).checked_mul(2)?,
        b"para" => {
            let parameters = [1, 3, 4, 5, 7].get(usize::from(*data.get(9)?))?;
            12 + 4 * parameters
        }
        b"mft1" | b"mft2" | b"mAB " | b"mBA " => data.len(),
        _ => return None,
    })
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}
