//! No module of a crate needs one that needs it, but a parent and its children. What counts is where a name is defined, not
//! where it is exported again.

use std::collections::{BTreeMap, BTreeSet};

use crate::check;
use crate::sources::{Source, files};

const CRATES: [&str; 7] = [
    "src",
    "signalling/src",
    "sfu/src",
    "sfu/api/src",
    "sfu/core/src",
    "turn-server/src",
    "load/src",
];

/// A module's path from the root of its crate, which is empty.
type Module = Vec<String>;

/// The modules of a crate, and what each exports again from another one.
struct House {
    code: BTreeMap<Module, String>,
    exports: BTreeMap<(Module, String), Module>,
}

impl House {
    fn read(dir: &str) -> House {
        let sources = files(dir, &["rs"]).into_iter().filter(|file| !file.is_test());
        House::of(sources.map(|file| (module(&file.path, dir), code(&file))).collect())
    }

    fn of(code: BTreeMap<Module, String>) -> House {
        let mut house = House { code, exports: BTreeMap::new() };
        for (own, text) in &house.code {
            let exports = text.match_indices("use ").filter(|(at, _)| is_public(&text[..*at]));
            for path in exports.flat_map(|(at, found)| tree(&text[at + found.len()..])) {
                let Some(name) = path.last().cloned() else { continue };
                if let Some(path) = house.absolute(own, path) {
                    house.exports.insert((own.clone(), name), path);
                }
            }
        }
        house
    }

    /// From the root of the crate; `None` for what belongs to other crates.
    fn absolute(&self, own: &[String], path: Vec<String>) -> Option<Module> {
        let ups = path.iter().take_while(|word| *word == "super").count();
        let child =
            |word: &String| self.code.contains_key(&[own, std::slice::from_ref(word)].concat());
        match path.first()?.as_str() {
            "crate" => Some(path[1..].to_vec()),
            "self" => Some([own, &path[1..]].concat()),
            "super" => Some([&own[..own.len().checked_sub(ups)?], &path[ups..]].concat()),
            _ => child(&path[0]).then(|| [own, &path].concat()),
        }
    }

    /// The module that defines what a path names.
    fn definer(&self, path: &[String]) -> Module {
        let len = (0..=path.len()).rev().find(|len| self.code.contains_key(&path[..*len]));
        let (own, rest) = path.split_at(len.unwrap_or(0));
        let export = rest.first().and_then(|name| self.exports.get(&(own.to_vec(), name.clone())));
        match export {
            Some(path) if path != own => self.definer(&[path, &rest[1..]].concat()),
            _ => own.to_vec(),
        }
    }

    /// Which modules each one names.
    fn needs(&self) -> BTreeMap<&Module, BTreeSet<Module>> {
        let needs = self.code.iter().map(|(own, text)| {
            let paths = paths(text).into_iter().filter_map(|path| self.absolute(own, path));
            let others = paths.map(|path| self.definer(&path)).filter(|other| other != own);
            (own, others.collect())
        });
        needs.collect()
    }
}

/// `signalling/src/chat/lanes.rs` -> `chat::lanes`, `signalling/src/chat/mod.rs` -> `chat`.
fn module(path: &str, dir: &str) -> Module {
    let path = path.trim_start_matches(dir).trim_start_matches('/').trim_end_matches(".rs");
    let mut words: Module = path.split('/').map(str::to_owned).collect();
    if words.last().is_some_and(|word| ["mod", "lib", "main"].contains(&word.as_str())) {
        words.pop();
    }
    words
}

fn code(file: &Source) -> String {
    let lines: Vec<_> = file.code().map(|(_, line)| line.split(" //").next().unwrap()).collect();
    lines.join("\n")
}

/// Whether `pub`, in whatever scope, ends this text.
fn is_public(before: &str) -> bool {
    let line = before.rsplit(['\n', ';']).next().unwrap_or_default().trim();
    line.starts_with("pub")
}

/// Every path of two names and more, those of `use` trees one by one.
fn paths(text: &str) -> Vec<Module> {
    let starts = text.char_indices().filter(|(at, c)| {
        let before = &text[..*at];
        is_name(*c)
            && !before.ends_with(is_name)
            && !before.ends_with("::")
            && !before.ends_with("in ")
    });
    let long = |start: &str| start.trim_start_matches(is_name).starts_with("::");
    starts.map(|(at, _)| &text[at..]).filter(|start| long(start)).flat_map(tree).collect()
}

/// The paths that begin here: `a::{b, c::d}` is `a::b` and `a::c::d`.
fn tree(text: &str) -> Vec<Module> {
    let mut paths = Vec::new();
    branch(text, &mut Vec::new(), &mut paths);
    paths
}

/// Reads one branch of a tree below `stem`, and returns what follows it.
fn branch<'a>(mut text: &'a str, stem: &mut Module, paths: &mut Vec<Module>) -> &'a str {
    let depth = stem.len();
    loop {
        text = text.trim_start();
        if let Some(inside) = text.strip_prefix('{') {
            text = inside;
            while !text.trim_start().is_empty() && !text.trim_start().starts_with('}') {
                text = branch(text, stem, paths).trim_start().trim_start_matches(',');
            }
            text = text.trim_start().strip_prefix('}').unwrap_or_default();
            break;
        }
        let len = text.len() - text.trim_start_matches(is_name).len();
        let (name, rest) = text.split_at(len);
        if !name.is_empty() {
            stem.push(name.to_owned());
        }
        text = rest;
        match text.strip_prefix("::") {
            Some(rest) if !name.is_empty() => text = rest,
            _ => {
                paths.push(stem.clone());
                text = text.trim_start_matches(|c| !matches!(c, ',' | '}' | ';' | '\n'));
                break;
            }
        }
    }
    stem.truncate(depth);
    text
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn is_child(a: &[String], b: &[String]) -> bool {
    b.split_last().is_some_and(|(_, parent)| parent == a)
}

/// All that a module needs, directly or not.
fn reach<'a>(
    from: &'a Module,
    needs: &'a BTreeMap<&Module, BTreeSet<Module>>,
) -> BTreeSet<&'a Module> {
    let (mut seen, mut next) = (BTreeSet::new(), vec![from]);
    while let Some(module) = next.pop() {
        next.extend(needs.get(module).into_iter().flatten().filter(|other| seen.insert(*other)));
    }
    seen
}

/// Groups of modules that all need each other, directly or not.
fn circles(needs: &BTreeMap<&Module, BTreeSet<Module>>) -> BTreeSet<Vec<Module>> {
    let reached: BTreeMap<_, _> =
        needs.keys().map(|module| (*module, reach(module, needs))).collect();
    let circle = |module: &Module| {
        let both = reached[module].iter().filter(|other| reached[**other].contains(module));
        both.map(|other| (*other).clone()).collect::<Vec<_>>()
    };
    needs.keys().map(|module| circle(module)).filter(|circle| circle.len() > 1).collect()
}

/// What is wrong with the modules of a house, one line for each circle.
fn offences(house: &House) -> Vec<String> {
    let whole = house.needs();
    let family = |circle: &Vec<Module>| {
        let heads = |head: &Module| circle.iter().all(|m| m == head || is_child(head, m));
        circle.iter().any(heads)
    };
    let mut level = whole.clone();
    for (own, others) in &mut level {
        others.retain(|other| !is_child(own, other) && !is_child(other, own));
    }
    let wide = circles(&whole).into_iter().filter(|circle| !family(circle));
    let found: BTreeSet<_> = wide.chain(circles(&level)).collect();
    found.iter().map(|circle| described(circle, &whole)).collect()
}

fn described(circle: &[Module], needs: &BTreeMap<&Module, BTreeSet<Module>>) -> String {
    let arrows = circle.iter().map(|module| {
        let others = needs[module].iter().filter(|other| circle.contains(other));
        let others: Vec<_> = others.map(|other| other.join("::")).collect();
        format!("{} needs {}", module.join("::"), others.join(", "))
    });
    arrows.collect::<Vec<_>>().join("; ")
}

#[test]
fn modules_need_each_other_in_no_circle() {
    let found = CRATES.iter().flat_map(|dir| {
        let told = move |circle: String| format!("{dir}: {circle}");
        offences(&House::read(dir)).into_iter().map(told)
    });
    check(found.collect());
}

#[test]
fn circles_are_found_in_all_their_spellings() {
    let house = |modules: &[(&str, &str)]| {
        let path = |text: &str| text.split("::").map(str::to_owned).collect();
        House::of(modules.iter().map(|(m, code)| (path(m), (*code).to_owned())).collect())
    };
    let found = |modules: &[(&str, &str)]| offences(&house(modules)).len();
    assert_eq!(found(&[("a", "use crate::b::B;"), ("b", "fn f() { crate::a::g() }")]), 1);
    assert_eq!(
        found(&[("a", "use crate::{b, c};"), ("b", ""), ("c", "use super::a::{A, self};")]),
        1
    );
    assert_eq!(found(&[("a", "use crate::b::B;"), ("b", "pub(in crate::a) fn f() {}")]), 0);
    let family = [("a", "mod b;\nuse b::B;"), ("a::b", "use super::A;")];
    assert_eq!(found(&family), 0, "a parent and its child");
    assert_eq!(found(&[("n", "use crate::a::b::B;"), ("a", "use crate::n;"), family[1]]), 1);
    let exported =
        [("a", "pub use self::b::B;"), ("a::b", "use crate::n;"), ("n", "use crate::a::B;")];
    assert_eq!(found(&exported), 1, "where it is defined counts");
    assert_eq!(found(&[("a", "pub use self::b::B;"), ("a::b", ""), ("n", "use crate::a::B;")]), 0);
}
