//! Revoked usernames, which stay refused until they would have expired.

use std::collections::{HashMap, VecDeque};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

/// Beyond this the oldest are forgotten. They come to a few megabytes, and take more than four a second, day and night.
const REVOKED_MAX: usize = 200_000;

/// Lines of the file beyond which it is rewritten, if half of them have expired.
const LINES_MIN: usize = 10_000;

/// The hash of a name: neither memory nor the file contains the name itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Mark(u64);

impl Mark {
    pub(crate) fn of(holder: &str) -> Mark {
        let [a, b, c, d, e, f, g, h, ..] = <[u8; 32]>::from(Sha256::digest(holder.as_bytes()));
        Mark(u64::from_be_bytes([a, b, c, d, e, f, g, h]))
    }
}

/// Names that are taken back, each with when it would end, in Unix seconds.
#[derive(Debug, Default)]
pub(crate) struct Revoked {
    until_s: HashMap<Mark, u64>,
    /// In the order in which they came, which is about that in which they end.
    oldest: VecDeque<Mark>,
}

impl Revoked {
    pub(crate) fn add(&mut self, mark: Mark, until_s: u64, now_s: u64) {
        if self.until_s.insert(mark, until_s).is_none() {
            self.oldest.push_back(mark);
        }
        while let Some(oldest) = self.oldest.front()
            && (self.oldest.len() > REVOKED_MAX || self.until_s[oldest] <= now_s)
        {
            self.until_s.remove(oldest);
            self.oldest.pop_front();
        }
    }

    pub(crate) fn contains(&self, mark: Mark) -> bool {
        self.until_s.contains_key(&mark)
    }

    fn iter(&self) -> impl Iterator<Item = (Mark, u64)> {
        self.oldest.iter().filter_map(|mark| Some((*mark, *self.until_s.get(mark)?)))
    }

    fn len(&self) -> usize {
        self.oldest.len()
    }
}

/// The file that outlives the process: one line per name, `1700000000 0123456789abcdef`.
#[derive(Debug)]
pub(crate) struct Journal {
    path: PathBuf,
    file: File,
    lines: usize,
}

impl Journal {
    /// Reads what still counts, and leaves nothing else in the file. A line that was torn is passed over.
    pub(crate) fn open(path: &Path, now_s: u64) -> io::Result<(Journal, Revoked)> {
        let text = match fs::read_to_string(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            read => read?,
        };
        let mut revoked = Revoked::default();
        for (mark, until_s) in text.lines().filter_map(read) {
            if until_s > now_s {
                revoked.add(mark, until_s, now_s);
            }
        }
        let file = rewritten(path, &revoked)?;
        Ok((Journal { path: path.to_owned(), file, lines: revoked.len() }, revoked))
    }

    /// Adds a name that is among `revoked` by now.
    pub(crate) fn add(&mut self, mark: Mark, until_s: u64, revoked: &Revoked) -> io::Result<()> {
        if self.lines >= LINES_MIN.max(revoked.len() * 2) {
            self.file = rewritten(&self.path, revoked)?;
            self.lines = revoked.len();
            return Ok(());
        }
        self.lines += 1;
        self.file.write_all(line(mark, until_s).as_bytes())
    }
}

fn rewritten(path: &Path, revoked: &Revoked) -> io::Result<File> {
    let fresh = path.with_extension("new");
    let text: String = revoked.iter().map(|(mark, until_s)| line(mark, until_s)).collect();
    fs::write(&fresh, text)?;
    fs::rename(&fresh, path)?;
    OpenOptions::new().append(true).open(path)
}

fn line(Mark(mark): Mark, until_s: u64) -> String {
    format!("{until_s} {mark:016x}\n")
}

fn read(line: &str) -> Option<(Mark, u64)> {
    let (until_s, mark) = line.split_once(' ')?;
    let mark = u64::from_str_radix(mark, 16).ok().filter(|_| mark.len() == 16)?;
    Some((Mark(mark), until_s.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(revoked: &Revoked, holder: &str) -> bool {
        revoked.contains(Mark::of(holder))
    }

    #[test]
    fn the_oldest_are_forgotten() {
        let mut revoked = Revoked::default();
        for holder in 0..=REVOKED_MAX {
            let mark = Mark::of(&holder.to_string());
            revoked.add(mark, 100, 0);
            revoked.add(mark, 100, 0);
        }
        assert!(!holds(&revoked, "0") && holds(&revoked, "1"));
        assert_eq!((revoked.until_s.len(), revoked.oldest.len()), (REVOKED_MAX, REVOKED_MAX));
    }

    #[test]
    fn names_that_ended_by_themselves_take_no_room() {
        let mut revoked = Revoked::default();
        for now_s in 0..10_000 {
            revoked.add(Mark::of(&now_s.to_string()), now_s + 10, now_s);
        }
        assert!(revoked.len() <= 11 && holds(&revoked, "9999"), "{}", revoked.len());
    }

    #[test]
    fn a_file_remembers_until_they_end() {
        let path = std::env::temp_dir().join(format!("beckon-revoked-{}", std::process::id()));
        let _ = fs::remove_file(&path);
        let (mut journal, mut revoked) = Journal::open(&path, 0).unwrap();
        for (holder, until_s) in [("alice", 100), ("bob", 200)] {
            revoked.add(Mark::of(holder), until_s, 0);
            journal.add(Mark::of(holder), until_s, &revoked).unwrap();
        }
        journal.file.write_all(b"300 01234").unwrap();
        let (_, revoked) = Journal::open(&path, 150).unwrap();
        assert!(!holds(&revoked, "alice") && holds(&revoked, "bob"));
        assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 1);
        fs::remove_file(&path).unwrap();
    }

    #[test]
    fn the_file_does_not_grow_for_ever() {
        let path = std::env::temp_dir().join(format!("beckon-revoked-long-{}", std::process::id()));
        let (mut journal, mut revoked) = Journal::open(&path, 0).unwrap();
        for now_s in 0..LINES_MIN as u64 * 3 {
            let mark = Mark::of(&now_s.to_string());
            revoked.add(mark, now_s + 10, now_s);
            journal.add(mark, now_s + 10, &revoked).unwrap();
        }
        let lines = fs::read_to_string(&path).unwrap().lines().count();
        assert!(lines <= LINES_MIN, "{lines}");
        fs::remove_file(&path).unwrap();
    }
}
