//! What a fourth person waits for the database while three others load it with all they may send.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use uuid::Uuid;

use crate::stage::{Engine, Person, Stage, engines, extent, send};

/// Sockets and requests of each of the three at once.
const AT_ONCE: usize = 16;

/// The three do everything that writes, from many tasks at once, until told to stop.
fn load(people: Vec<Arc<Person>>, over: Arc<AtomicBool>) -> Vec<tokio::task::JoinHandle<usize>> {
    let tasks =
        people.into_iter().flat_map(|person| (0..AT_ONCE).map(move |n| (person.clone(), n)));
    tasks
        .map(|(person, n)| {
            let over = over.clone();
            tokio::spawn(async move {
                let mut done = 0;
                while !over.load(Ordering::Relaxed) {
                    if n % 2 == 0 {
                        person.patch("me", json!({"nickname": format!("busy {done}")})).await;
                    } else {
                        person.post("groups", json!({"title": "busy", "member_ids": []})).await;
                    }
                    done += 1;
                }
                done
            })
        })
        .collect()
}

/// The longest and the 99th of a hundred waits.
fn worst(mut waits: Vec<Duration>) -> (Duration, Duration) {
    waits.sort();
    (waits[waits.len() * 99 / 100], *waits.last().expect("waits"))
}

#[tokio::test]
async fn a_fourth_person_waits_little_while_three_load_the_database() {
    for engine in engines() {
        let name = if engine == Engine::Sqlite { "SQLite" } else { "MariaDB" };
        let stage = Stage::on(engine).await;
        let [ann, bob, eve, dan] = stage.people(["ann", "bob", "eve", "dan"]).await;
        let room = dan.opens_group("mine", &[]).await;
        let over = Arc::new(AtomicBool::new(false));
        let loading = load([ann, bob, eve].map(Arc::new).into(), over.clone());
        let (mut says, mut writes) = (vec![], vec![]);
        for n in 0..extent(20, 300) {
            let asked = Instant::now();
            dan.asks(send(Uuid::new_v4(), "in between", &room)).await;
            says.push(asked.elapsed());
            let asked = Instant::now();
            dan.patch("me", json!({"nickname": format!("dan {n}")})).await;
            writes.push(asked.elapsed());
        }
        over.store(true, Ordering::Relaxed);
        let mut done = 0;
        for task in loading {
            done += task.await.expect("a task of the load");
        }
        let (said, written) = (worst(says), worst(writes));
        println!(
            "{name}: {done} requests of three; a fourth's messages p99 {said:?}, profiles p99 {written:?}"
        );
        // far above what is measured (see the line above), far below the 17 s of a line without turns
        assert!(
            said.1 < Duration::from_secs(5) && written.1 < Duration::from_secs(5),
            "{said:?} {written:?}"
        );
    }
}
