//! Which process a line is from: logs of several nodes meet in one place.

use std::io::{self, Write};

use beckon_signalling::domain::ids::NodeId;
use tracing_subscriber::fmt::MakeWriter;

/// Standard error, with the node's id and its version at the head of every JSON line.
#[derive(Clone, Debug)]
pub(super) struct Stamped {
    head: String,
}

impl Stamped {
    pub(super) fn new(node: NodeId) -> Stamped {
        let version = env!("CARGO_PKG_VERSION");
        Stamped { head: format!("{{\"node\":\"{node}\",\"version\":\"{version}\",") }
    }

    /// A line is an object, so whatever follows its first brace may follow our members.
    fn stamp(&self, line: &[u8]) -> Vec<u8> {
        match line.strip_prefix(b"{") {
            Some(rest) => [self.head.as_bytes(), rest].concat(),
            None => line.to_vec(),
        }
    }
}

impl<'a> MakeWriter<'a> for Stamped {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line(self)
    }
}

/// The writer of one line, which arrives in one piece.
pub(super) struct Line<'a>(&'a Stamped);

impl Write for Line<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        io::stderr().write_all(&self.0.stamp(line))?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamped_line_is_still_one_object() {
        let node = NodeId::fresh();
        let line = Stamped::new(node).stamp(b"{\"level\":\"INFO\",\"message\":\"ready\"}\n");
        let line: serde_json::Value = serde_json::from_slice(&line).unwrap();
        assert_eq!(line["node"], node.to_string());
        assert_eq!(line["version"], env!("CARGO_PKG_VERSION"));
        assert_eq!(line["message"], "ready");
    }
}
