//! Every metric says what it means, and no description outlives its metric.

use std::collections::BTreeSet;

use crate::check;
use crate::sources::product;

/// The modules that describe metrics.
const DESCRIBING: [&str; 4] = [
    "src/metrics.rs",
    "signalling/src/metrics.rs",
    "sfu/src/meter.rs",
    "turn-server/src/shell/report.rs",
];

#[test]
fn every_metric_is_described() {
    let (mut described, mut used) = (BTreeSet::new(), BTreeSet::new());
    for file in product().iter() {
        let is_describing = DESCRIBING.contains(&file.path.as_str());
        let mut before = "";
        for line in file.text.lines() {
            let is_entry = before.trim() == "(" && line.trim_start().starts_with("\"beckon_");
            let is_description = [before, line].iter().any(|line| line.contains("describe_"))
                || (is_describing && is_entry)
                || (is_describing && line.trim_start().starts_with("(\"beckon_"));
            for name in names(line) {
                let names = if is_description { &mut described } else { &mut used };
                names.insert(name.to_owned());
            }
            before = line;
        }
    }
    let undescribed = used.difference(&described).map(|name| format!("{name} is not described"));
    let unused =
        described.difference(&used).map(|name| format!("{name} is described, not counted"));
    check(undescribed.chain(unused).collect());
}

/// The metrics that a line names: `beckon_` and a unit, or a word for what is counted, in quotes.
fn names(line: &str) -> impl Iterator<Item = &str> {
    line.split('"').skip(1).step_by(2).filter(|text| {
        text.starts_with("beckon_")
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
            && !["beckon_access", "beckon_refresh"].contains(text)
            && !["beckon_sfu", "beckon_signalling", "beckon_turn_server"].contains(text)
    })
}
