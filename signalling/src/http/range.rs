//! The `Range` header (RFC 9110, section 14): one range of bytes, which is what players and resumed
//! downloads ask for.

use std::ops::Range;

use crate::domain::refusal::{Code, Result};

/// The bytes that were asked for; `None` for all of them. Several ranges at once, and what is no
/// range of bytes, are ignored, as the RFC allows; a range beyond the end is refused.
pub fn requested(header: Option<&str>, size: u64) -> Result<Option<Range<u64>>> {
    let Some((first, last)) = header.and_then(parse) else { return Ok(None) };
    let range = match (first, last) {
        (Some(first), Some(last)) => first..last.saturating_add(1).min(size),
        (Some(first), None) => first..size,
        (None, Some(suffix)) => size.saturating_sub(suffix)..size,
        (None, None) => return Ok(None),
    };
    if range.is_empty() { Err(Code::RangeInvalid.into()) } else { Ok(Some(range)) }
}

fn parse(header: &str) -> Option<(Option<u64>, Option<u64>)> {
    let (first, last) = header.strip_prefix("bytes=")?.split_once('-')?;
    let (first, last) = (position(first)?, position(last)?);
    let backwards = first.zip(last).is_some_and(|(first, last)| first > last);
    (!backwards).then_some((first, last))
}

/// A number or nothing; the outer `None` for anything else.
fn position(text: &str) -> Option<Option<u64>> {
    match text.trim() {
        "" => Some(None),
        digits if digits.bytes().all(|b| b.is_ascii_digit()) => digits.parse().ok().map(Some),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_range_is_understood() {
        let of_ten = |header| requested(Some(header), 10).unwrap();
        assert_eq!(of_ten("bytes=0-0"), Some(0..1));
        assert_eq!(of_ten("bytes=3-5"), Some(3..6));
        assert_eq!(of_ten("bytes=3-"), Some(3..10));
        assert_eq!(of_ten("bytes=3-99"), Some(3..10));
        assert_eq!(of_ten("bytes=-4"), Some(6..10));
        assert_eq!(of_ten("bytes=-40"), Some(0..10));
        assert_eq!(requested(None, 10).unwrap(), None);
    }

    #[test]
    fn what_is_no_single_range_is_ignored() {
        for header in ["bytes=0-1,3-4", "lines=0-1", "bytes=5-3", "bytes=-", "bytes=a-b", "bytes="]
        {
            assert_eq!(requested(Some(header), 10).unwrap(), None, "{header}");
        }
    }

    #[test]
    fn beyond_the_end_is_refused() {
        for (header, size) in
            [("bytes=10-", 10), ("bytes=10-20", 10), ("bytes=-0", 10), ("bytes=0-", 0)]
        {
            assert_eq!(requested(Some(header), size).unwrap_err().code, Code::RangeInvalid);
        }
    }

    proptest! {
        #[test]
        fn a_range_lies_within_the_file(header in "bytes=[0-9]{0,20}-[0-9]{0,20}", size: u64) {
            if let Ok(Some(range)) = requested(Some(&header), size) {
                prop_assert!(range.start < range.end && range.end <= size);
            }
        }

        #[test]
        fn any_header_is_answered(header in "\\PC{0,60}", size: u64) {
            let _ = requested(Some(&header), size);
        }
    }
}
