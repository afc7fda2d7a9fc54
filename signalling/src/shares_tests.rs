use std::net::Ipv4Addr;

use futures_util::FutureExt as _;
use proptest::prelude::*;

use super::*;

fn network(n: u8) -> Network {
    Network::of(Ipv4Addr::new(203, 0, 113, n).into())
}

fn shares(all: usize, person: usize, network: usize) -> Shares {
    Shares::new(Bounds { all, person, network })
}

fn anybody(at: u8) -> Holder {
    Holder::new(UserId::fresh(), network(at))
}

#[test]
fn one_person_cannot_take_it_all() {
    let shares = shares(4, 2, 4);
    let mallory = anybody(1);
    let held: Vec<_> = (0..2).map(|_| shares.take_now(mallory).ok().unwrap()).collect();
    assert_eq!(shares.take_now(mallory).err(), Some(Full::Own));
    assert!(shares.take_now(anybody(1)).is_ok());
    drop(held);
    assert!(shares.take_now(mallory).is_ok());
}

#[test]
fn many_people_of_one_network_cannot_take_it_all() {
    let shares = shares(8, 4, 3);
    let _crowd: Vec<_> = (0..3).map(|_| shares.take_now(anybody(1)).ok().unwrap()).collect();
    assert_eq!(shares.take_now(anybody(1)).err(), Some(Full::Own));
    assert!(shares.take_now(anybody(2)).is_ok());
}

#[test]
fn there_is_no_more_than_there_is() {
    let shares = shares(2, 2, 2);
    let _held: Vec<_> = (0..2).map(|n| shares.take_now(anybody(n)).ok().unwrap()).collect();
    assert_eq!(shares.take_now(anybody(7)).err(), Some(Full::All));
}

/// Lets everything that can be done be done, and tells who was served, in order.
async fn served(shares: &Shares, line: Vec<(&'static str, Holder)>) -> Vec<&'static str> {
    let held = shares.take_now(anybody(99)).expect("a place");
    let (told, mut order) = tokio::sync::mpsc::unbounded_channel();
    for (name, holder) in line {
        let (shares, told) = (shares.clone(), told.clone());
        let mut waits = Box::pin(async move { shares.take(holder).await });
        assert!((&mut waits).now_or_never().is_none(), "{name} has to wait");
        tokio::spawn(async move {
            let _share = waits.await.expect("a share in turn");
            told.send(name).unwrap();
        });
    }
    drop((held, told));
    let mut names = Vec::new();
    while let Some(name) = order.recv().await {
        names.push(name);
    }
    names
}

#[tokio::test]
async fn a_line_of_one_person_delays_nobody_else() {
    let (mallory, bob) = (anybody(1), anybody(2));
    let mut line = vec![("mallory", mallory); WAITING_PER_PERSON];
    line.push(("bob", bob));
    let order = served(&shares(1, 1, 1), line).await;
    assert_eq!(order[..2], ["mallory", "bob"], "one each in turn");
}

#[tokio::test]
async fn a_crowd_from_one_network_delays_nobody_else_by_more_than_one() {
    let mut line: Vec<_> = (0..20).map(|_| ("crowd", anybody(1))).collect();
    line.push(("bob", anybody(2)));
    let order = served(&shares(1, 1, 1), line).await;
    assert_eq!(order[1], "bob");
}

#[tokio::test]
async fn within_a_network_people_take_turns() {
    let (mallory, bob) = (anybody(1), anybody(1));
    let mut line = vec![("mallory", mallory); 5];
    line.push(("bob", bob));
    let order = served(&shares(1, 1, 1), line).await;
    assert_eq!(order[1], "bob");
}

#[tokio::test]
async fn the_line_is_bounded() {
    let shares = shares(1, 1, 1);
    let mallory = anybody(1);
    let _held = shares.take_now(anybody(2)).ok().unwrap();
    let mut line: Vec<_> =
        (0..WAITING_PER_PERSON).map(|_| Box::pin(shares.take(mallory))).collect();
    for waits in &mut line {
        assert!(waits.now_or_never().is_none());
    }
    assert_eq!(shares.take(mallory).await.err(), Some(Full::Own));
    drop(line);
    assert!(shares.take(mallory).now_or_never().is_none(), "who went away waits no more");
}

#[tokio::test]
async fn idle_is_when_everything_was_given_back() {
    let shares = shares(2, 2, 2);
    shares.idle().await;
    let held = shares.take_now(anybody(1)).ok().unwrap();
    let mut idle = Box::pin(shares.idle());
    assert!((&mut idle).now_or_never().is_none());
    drop(held);
    idle.await;
}

proptest! {
    #[test]
    fn bounds_hold_and_everything_comes_back(
        steps in proptest::collection::vec((0u8..4, 0u8..3, any::<bool>(), 0usize..8), 1..200),
    ) {
        let people: Vec<_> = (0..4).map(|_| UserId::fresh()).collect();
        let shares = shares(5, 2, 3);
        let mut held: Vec<Share> = Vec::new();
        for (person, at, takes, which) in steps {
            if takes {
                held.extend(shares.take_now(Holder::new(people[usize::from(person)], network(at))));
            } else if !held.is_empty() {
                held.swap_remove(which % held.len());
            }
            prop_assert!(held.len() <= 5);
            for person in &people {
                let own = held.iter().filter(|share| share.holder.person == Some(*person)).count();
                prop_assert!(own <= 2);
            }
            for at in 0..3 {
                let at = Some(network(at));
                prop_assert!(held.iter().filter(|share| share.holder.network == at).count() <= 3);
            }
        }
        drop(held);
        let pool = shares.lock();
        prop_assert!(pool.free == 5 && pool.standings.is_empty() && pool.waiting.is_empty());
    }
}
