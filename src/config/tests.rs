use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;

use super::*;
use crate::cli::PlaceArgs;

/// The configuration of a tree, or all that is wrong with it.
fn read(tree: toml::Table) -> anyhow::Result<Config> {
    let (config, faults) = reading::read(tree);
    refuse(faults)?;
    Ok(config)
}

fn variables(pairs: &[(&str, &str)]) -> impl Iterator<Item = (String, OsString)> {
    pairs
        .iter()
        .map(|(name, value)| (name.to_string(), value.into()))
        .collect::<Vec<_>>()
        .into_iter()
}

pub(super) fn from_file(text: &str) -> anyhow::Result<Config> {
    let mut layers = Layers::defaults();
    layers.merge_file(text)?;
    read(layers.finish())
}

#[test]
fn the_example_file_states_the_defaults() {
    let config = read(Layers::defaults().finish()).unwrap();
    assert_eq!(format!("{:#?}", config.process), format!("{:#?}", ProcessConfig::default()));
    let data_dir = config.process.data_dir.0.clone();
    let signalling = beckon_signalling::Config { data_dir, ..Default::default() };
    assert_eq!(format!("{:#?}", config.signalling), format!("{signalling:#?}"));
}

/// Every section refuses an unknown key by listing the known ones; each of those must be in the example.
#[test]
fn the_example_file_names_every_key() {
    let example = Layers::defaults();
    let mut sections = vec![String::new()];
    sections.extend(example.sections());
    for section in sections {
        let known = known_keys(&section);
        assert!(
            !known.is_empty(),
            "[{section}] accepts unknown keys: deny_unknown_fields is missing"
        );
        for key in known {
            let path = if section.is_empty() { key } else { format!("{section}.{key}") };
            assert!(example.contains(&path), "deploy/beckon.example.toml does not name {path}");
        }
    }
}

/// The keys that `section` would have accepted, from the refusals of a key nobody has.
fn known_keys(section: &str) -> Vec<String> {
    let mut tree = toml::Table::from_iter([("nobody_has_this".to_owned(), true.into())]);
    for part in section.rsplit('.').filter(|part| !part.is_empty()) {
        tree = toml::Table::from_iter([(part.to_owned(), tree.into())]);
    }
    let process = tree.clone().try_into::<ProcessConfig>().err();
    let signalling = tree.try_into::<beckon_signalling::Config>().err();
    [process, signalling].into_iter().flatten().flat_map(expected_names).collect()
}

/// The quoted names after "expected" in serde's message about our unknown field.
fn expected_names(error: toml::de::Error) -> Vec<String> {
    let message = error.to_string();
    let Some((_, names)) = message.split_once("`nobody_has_this`, expected") else {
        return Vec::new();
    };
    let line = names.lines().next().unwrap_or_default();
    line.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn flags_beat_the_environment_which_beats_the_file() {
    let mut layers = Layers::defaults();
    layers
        .merge_file("data_dir = 'file'\n[http]\nlisten = '127.0.0.1:1'\nmax_connections = 7")
        .unwrap();
    let set = [("BECKON_DATA_DIR", "environment"), ("BECKON_HTTP__LISTEN", "127.0.0.1:2")];
    environment::apply(&mut layers, variables(&set)).unwrap();
    let place = PlaceArgs { data_dir: Some("flag".into()), ..PlaceArgs::default() };
    let args = ConfigArgs::from(place);
    apply_flags(&mut layers, &args).unwrap();
    let process = read(layers.finish()).unwrap().process;
    assert_eq!(process.data_dir.0, PathBuf::from("flag"));
    assert_eq!(process.http.listen, Listen::On(([127, 0, 0, 1], 2).into()));
    assert_eq!(process.http.max_connections, 7);
}

#[test]
fn mistakes_are_named() {
    for (text, told) in [
        ("[http]\nlisten_on = '1'", "unknown key http.listen_on"),
        ("[htpt]\nlisten = '1'", "unknown key htpt"),
        (
            "[http]\nmax_connections = 'many'",
            "http.max_connections: expected integer, found string",
        ),
        ("[http]\nlisten = 'somewhere'", "'somewhere' is neither an address"),
        ("[media]\nshards = 0", "media.shards: expected 1 to 256, not 0"),
        ("external_ips = ['here']", "external_ips: expected addresses"),
        (&format!("[turn]\nudp = [{}]", "'127.0.0.1:0',".repeat(65)), "turn.udp: expected 64"),
        ("[log]\nformat = 'xml'", "'xml' is neither"),
        ("[http", "unclosed table"),
    ] {
        let error = format!("{:#}", from_file(text).unwrap_err());
        assert!(error.contains(told), "{text:?} told {error:?}");
    }
}

#[test]
fn the_environment_sets_lists_numbers_and_secrets() {
    let mut layers = Layers::defaults();
    let set = [
        ("BECKON_HTTP__TRUSTED_PROXIES", "10.0.0.0/8, ::1/128"),
        ("BECKON_SHUTDOWN__DRAIN_SECONDS", "3"),
        ("BECKON_METRICS__TOKEN", "0123"),
        ("BECKON_TEST_MYSQL", "mysql://elsewhere"),
    ];
    assert!(environment::apply(&mut layers, variables(&set)).unwrap().is_empty());
    let process = read(layers.finish()).unwrap().process;
    assert_eq!(process.http.trusted_proxies.len(), 2);
    assert_eq!(process.shutdown.drain_seconds, 3);
    let token = process.metrics.token.unwrap();
    assert_eq!(secrecy::ExposeSecret::expose_secret(&token), "0123");
}

#[test]
fn an_unknown_variable_with_a_section_is_an_error_and_without_one_a_warning() {
    let mut layers = Layers::defaults();
    let unknown = environment::apply(&mut layers, variables(&[("BECKON_HTTP__LISTNE", "x")]));
    assert!(format!("{:#}", unknown.unwrap_err()).contains("http.listne"));
    let warnings =
        environment::apply(&mut layers, variables(&[("BECKON_PORT", "tcp://x")])).unwrap();
    assert_eq!(warnings.len(), 1);
}

#[test]
fn printing_hides_secrets() {
    let mut layers = Layers::defaults();
    layers.set("database_url", "mysql://beckon:p:4@ss@db.example/beckon").unwrap();
    layers.set("metrics.token", "hush").unwrap();
    let effective = layers.finish();
    let (config, faults) = reading::read(effective.clone());
    let loaded = Loaded { config, effective, warnings: Vec::new(), faults };
    let printed = effective_toml(&loaded).unwrap();
    assert!(printed.contains("mysql://beckon:[hidden]@db.example/beckon"), "{printed}");
    assert!(!printed.contains("hush") && !printed.contains("p:4"), "{printed}");
    assert!(!format!("{:?}", loaded.config).contains("hush"));
}

#[test]
fn all_mistakes_are_told_at_once() {
    let told = from_file("external_ips = ['here']\n[log]\nformat = 'xml'\n[rooms]\nurl = 'x'");
    let told = format!("{:#}", told.unwrap_err());
    for key in ["3 faults", "external_ips: ", "log.format: ", "rooms.url: "] {
        assert!(told.contains(key), "no {key} in {told}");
    }
}

#[test]
fn what_is_no_text_is_not_passed_over() {
    let latin1 = || OsString::from_vec(b"/srv/caf\xe9".to_vec());
    let set = [("BECKON_DATA_DIR".to_owned(), latin1())];
    let told = environment::apply(&mut Layers::defaults(), set.into_iter()).unwrap_err();
    assert!(told.to_string().contains("data_dir: expected UTF-8"), "{told:#}");
    let place = PlaceArgs { data_dir: Some(latin1().into()), ..PlaceArgs::default() };
    let told = apply_flags(&mut Layers::defaults(), &ConfigArgs::from(place)).unwrap_err();
    assert!(told.to_string().contains("data_dir: expected UTF-8"), "{told:#}");
}
