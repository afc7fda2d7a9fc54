use proptest::prelude::*;

use super::*;

const AUDIO: Demand = Demand {
    kind: Kind::Audio,
    source: Source::Microphone,
    layers: [40_000, 0, 0],
    lives: [true, false, false],
    max_layer: 0,
    current: Some(0),
};

const CAMERA: Demand = Demand {
    kind: Kind::Video,
    source: Source::Camera,
    layers: [150_000, 500_000, 1_500_000],
    lives: [true; 3],
    max_layer: 2,
    current: None,
};

const SCREEN: Demand = Demand {
    source: Source::ScreenShare,
    layers: [1_000_000, 0, 0],
    lives: [true, false, false],
    max_layer: 0,
    ..CAMERA
};

fn shared(budget: u64, demands: &[Demand]) -> Vec<Grant> {
    let mut grants = Vec::new();
    allocate(budget, demands, &mut grants);
    grants
}

fn bits(demands: &[Demand], grants: &[Grant]) -> u64 {
    let cost = |(demand, grant): (&Demand, &Grant)| match grant {
        Grant::Layer(layer) => demand.layers[usize::from(*layer)],
        Grant::Paused => 0,
    };
    demands.iter().zip(grants).map(cost).sum()
}

#[test]
fn without_a_limit_everybody_gets_the_best() {
    let grants = shared(u64::MAX, &[AUDIO, CAMERA, SCREEN]);
    assert_eq!(grants, [Grant::Layer(0), Grant::Layer(2), Grant::Layer(0)]);
}

#[test]
fn audio_is_kept_when_nothing_else_fits() {
    assert_eq!(shared(0, &[CAMERA, AUDIO]), [Grant::Paused, Grant::Layer(0)]);
}

#[test]
fn a_screen_comes_before_cameras() {
    let grants = shared(1_200_000, &[CAMERA, SCREEN, CAMERA]);
    assert_eq!(grants, [Grant::Paused, Grant::Layer(0), Grant::Paused]);
}

#[test]
fn a_screen_that_does_not_fit_leaves_the_cameras_alone() {
    assert_eq!(shared(400_000, &[SCREEN, CAMERA]), [Grant::Paused, Grant::Layer(0)]);
}

#[test]
fn everybody_is_seen_before_anybody_is_seen_well() {
    assert_eq!(shared(600_000, &[CAMERA; 3]), [Grant::Layer(0); 3]);
}

#[test]
fn large_pictures_grow_first() {
    let small = Demand { max_layer: 1, ..CAMERA };
    assert_eq!(shared(900_000, &[small, CAMERA]), [Grant::Layer(0), Grant::Layer(1)]);
}

#[test]
fn a_layer_is_kept_with_less_than_it_takes_to_get_it() {
    let has = |current| shared(520_000, &[Demand { current, ..CAMERA }]);
    assert_eq!(has(Some(0)), [Grant::Layer(0)]);
    assert_eq!(has(Some(1)), [Grant::Layer(1)]);
}

#[test]
fn a_paused_picture_starts_again_with_headroom() {
    let has = |budget, current| shared(budget, &[Demand { current, ..CAMERA }]);
    assert_eq!(has(160_000, None), [Grant::Paused]);
    assert_eq!(has(160_000, Some(0)), [Grant::Layer(0)]);
    assert_eq!(has(180_000, None), [Grant::Layer(0)]);
}

#[test]
fn layers_that_do_not_live_are_passed_over() {
    let lives = |lives| shared(u64::MAX, &[Demand { lives, ..CAMERA }])[0];
    assert_eq!(lives([true, false, true]), Grant::Layer(2));
    assert_eq!(lives([true, true, false]), Grant::Layer(1));
    assert_eq!(lives([false; 3]), Grant::Layer(2), "whatever comes");
}

#[test]
fn a_small_picture_takes_a_large_layer_if_there_is_no_other() {
    let demand = Demand { max_layer: 0, lives: [false, true, true], ..CAMERA };
    assert_eq!(shared(u64::MAX, &[demand]), [Grant::Layer(1)]);
}

fn any_demand() -> impl Strategy<Value = Demand> {
    let source = prop_oneof![Just(Source::Camera), Just(Source::ScreenShare)];
    let kind = prop_oneof![1 => Just(Kind::Audio), 4 => Just(Kind::Video)];
    let layers = prop::array::uniform3(0u64..3_000_000);
    let current = prop::option::of(0u8..3);
    (kind, source, layers, any::<[bool; 3]>(), 0u8..3, current).prop_map(
        |(kind, source, layers, lives, max_layer, current)| Demand {
            kind,
            source,
            layers,
            lives,
            max_layer,
            current,
        },
    )
}

proptest! {
    #[test]
    fn it_is_never_over_budget_but_for_audio(
        demands in prop::collection::vec(any_demand(), 0..30), budget in 0u64..20_000_000
    ) {
        let grants = shared(budget, &demands);
        prop_assert_eq!(grants.len(), demands.len());
        let living = |demand: &Demand| demand.lives.contains(&true);
        let (mut video, mut granted, mut audio) = (Vec::new(), Vec::new(), 0);
        for (demand, grant) in demands.iter().zip(grants) {
            match demand.kind {
                Kind::Audio => {
                    prop_assert_eq!(grant, Grant::Layer(0));
                    audio += demand.layers[0];
                }
                // What does not live sends nothing.
                Kind::Video if living(demand) => {
                    video.push(*demand);
                    granted.push(grant);
                }
                Kind::Video => prop_assert_eq!(grant, Grant::Layer(demand.max_layer)),
            }
        }
        prop_assert!(bits(&video, &granted) <= budget.saturating_sub(audio));
    }

    #[test]
    fn more_budget_never_shows_less(
        demands in prop::collection::vec(any_demand(), 0..30),
        budget in 0u64..20_000_000,
        more in 0u64..5_000_000
    ) {
        // From the start: hysteresis keeps what there was, whatever the budget.
        let fresh = |mut demand: Demand| {
            demand.layers.sort();
            Demand { current: None, lives: [true; 3], ..demand }
        };
        let video: Vec<_> = demands.into_iter().filter(|demand| demand.kind == Kind::Video).map(fresh).collect();
        let (less, more) = (shared(budget, &video), shared(budget + more, &video));
        prop_assert!(bits(&video, &less) <= bits(&video, &more));
    }
}
