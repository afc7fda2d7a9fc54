//! The protocol on the wire. Each case names the section of the RFC that it shows.

mod allocate;
mod ask;
mod authentication;
mod binding;
mod channels;
mod data;
mod guest;
mod limits;
mod permissions;
mod refresh;
mod sockets;
mod stage;
mod streams;

/// Every file with cases.
const CASES: [&str; 8] = [
    include_str!("allocate.rs"),
    include_str!("authentication.rs"),
    include_str!("binding.rs"),
    include_str!("channels.rs"),
    include_str!("data.rs"),
    include_str!("limits.rs"),
    include_str!("permissions.rs"),
    include_str!("refresh.rs"),
];

#[test]
fn every_case_names_its_section() {
    let mut cases = 0;
    for file in CASES {
        let lines: Vec<_> = file.lines().collect();
        for at in (1..lines.len()).filter(|at| lines[*at] == "#[test]") {
            let section = lines[at - 1];
            assert!(section.starts_with("/// RFC "), "{section}\n{}", lines[at + 1]);
            cases += 1;
        }
    }
    assert!(cases >= 100, "{cases} cases");
}
