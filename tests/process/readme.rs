//! The examples of the README, run as they stand there.

use std::process::Command;

use crate::node::Node;

/// The first fenced block in this language that holds `words`, which may be none.
pub(crate) fn block(language: &str, words: &str) -> String {
    let readme =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let fence = format!("```{language}\n");
    let blocks = readme.split(&fence).skip(1).filter_map(|rest| rest.split("```").next());
    let mut blocks = blocks.filter(|block| block.contains(words));
    blocks.next().unwrap_or_else(|| panic!("no {language} with {words} in the README")).to_owned()
}

/// Whether a program is here; `./test` brings them all.
pub(crate) fn has(program: &str) -> bool {
    let is_here = Command::new(program).arg("--help").output().is_ok();
    let is_required = std::env::var("BECKON_TEST_REQUIRE").as_deref() == Ok("1");
    assert!(is_here || !is_required, "{program} is missing");
    if !is_here {
        eprintln!("left out: {program} is missing");
    }
    is_here
}

#[test]
fn the_rest_example_ends_in_a_list_of_conversations() {
    if !has("curl") || !has("jq") {
        return;
    }
    let node = Node::start(&[]);
    let script = block("sh", "$base/logins").replace("http://localhost:8080", &node.http);
    let output = Command::new("sh").args(["-euc", &script]).output().unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && told.contains("\"conversations\":[]"), "{told}");
}
