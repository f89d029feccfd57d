//! What the room promises, on walks that are written as functions of time.

use super::*;

const FRAME: (u32, u32) = (1280, 720);

fn settings() -> Settings {
    Settings { threshold: 0.5, opt_out: true, ..Settings::default() }
}

fn masked(x: f32, y: f32) -> Face {
    Face { rect: Rect::new(x, y, 60.0, 80.0), score: 0.9, labels: [0.96, 0.03, 0.01], landmarks: None }
}

fn bare(x: f32, y: f32) -> Face {
    Face { labels: [0.03, 0.96, 0.01], ..masked(x, y) }
}

/// Plays looks at a rate for some seconds; gives all events.
fn play(people: &mut People, rate: f32, seconds: f32, scene: impl Fn(f32) -> Vec<Face>) -> Vec<Event> {
    (0..(seconds * rate) as usize)
        .flat_map(|i| {
            let t = i as f32 / rate;
            people.look(Duration::from_secs_f32(t), &scene(t)).to_vec()
        })
        .collect()
}

fn counted(events: &[Event]) -> Vec<State> {
    let mut states = Vec::new();
    for event in events {
        match event {
            Event::Counted { state, .. } => states.push(*state),
            Event::Amended { from, to, .. } => {
                let place = states.iter().position(|s| s == from).expect("amends what was counted");
                states[place] = *to;
            }
            Event::Withdrawn { counted: Some((_, state)), .. } => {
                let place = states.iter().position(|s| s == state).expect("withdraws what was counted");
                states.remove(place);
            }
            Event::Withdrawn { counted: None, .. } => {}
        }
    }
    states
}

#[test]
fn a_walk_is_one_passage_at_every_rate() {
    for rate in [30.0, 15.0, 10.0, 5.0] {
        let mut people = People::new(settings(), FRAME);
        let events = play(&mut people, rate, 5.0, |t| vec![masked(100.0 + 180.0 * t, 300.0)]);
        assert_eq!(counted(&events), [State::Known(Label::Mask)], "{rate} looks a second");
    }
}

#[test]
fn a_flicker_is_no_passage() {
    let mut people = People::new(settings(), FRAME);
    let events = play(&mut people, 30.0, 5.0, |t| if t < 0.2 { vec![bare(100.0, 100.0)] } else { vec![] });
    assert!(events.is_empty());
}

#[test]
fn a_face_that_is_missed_for_a_second_is_the_same_passage() {
    let mut people = People::new(settings(), FRAME);
    let gap = |t: f32| (1.0..2.0).contains(&t);
    let events = play(&mut people, 10.0, 4.0, |t| if gap(t) { vec![] } else { vec![bare(300.0 + 40.0 * t, 200.0)] });
    assert_eq!(counted(&events).len(), 1);
}

#[test]
fn who_walks_on_behind_something_for_more_than_two_seconds_is_the_same_passage() {
    let mut people = People::new(settings(), FRAME);
    let hidden = |t: f32| (2.0..4.4).contains(&t);
    let walk = |t: f32| if hidden(t) { vec![] } else { vec![bare(200.0 + 90.0 * t, 200.0)] };
    assert_eq!(counted(&play(&mut people, 10.0, 7.0, walk)).len(), 1);
}

#[test]
fn a_person_who_passes_twice_is_counted_twice() {
    let mut people = People::new(settings(), FRAME);
    let away = |t: f32| (1.5..6.0).contains(&t);
    let events = play(&mut people, 10.0, 8.0, |t| if away(t) { vec![] } else { vec![bare(300.0, 200.0)] });
    assert_eq!(counted(&events).len(), 2);
}

#[test]
fn two_boxes_on_a_face_that_is_new_are_one_passage() {
    let mut people = People::new(settings(), FRAME);
    // The overlap is 0.25: less than what makes the detector leave one out.
    let scene = |_| vec![masked(300.0, 200.0), Face { score: 0.8, ..masked(336.0, 200.0) }];
    assert_eq!(counted(&play(&mut people, 10.0, 3.0, scene)).len(), 1);
    assert_eq!(people.in_view(Duration::from_secs(3)).filter(|f| !f.followed).count(), 1, "it is covered all the same");
}

#[test]
fn a_label_that_flips_makes_no_new_track() {
    let mut people = People::new(settings(), FRAME);
    let flip =
        |t: f32| if ((t * 10.0).round() as u32).is_multiple_of(3) { bare(300.0, 200.0) } else { masked(300.0, 200.0) };
    let events = play(&mut people, 10.0, 3.0, |t| vec![flip(t)]);
    assert_eq!(counted(&events).len(), 1);
}

#[test]
fn two_who_cross_stay_two_and_keep_their_labels() {
    let mut people = People::new(settings(), FRAME);
    let events =
        play(&mut people, 15.0, 5.0, |t| vec![masked(100.0 + 200.0 * t, 300.0), bare(1000.0 - 200.0 * t, 340.0)]);
    let mut states = counted(&events);
    states.sort_by_key(|s| *s == State::Known(Label::NoMask));
    assert_eq!(states, [State::Known(Label::Mask), State::Known(Label::NoMask)]);
}

/// The one walks to the right behind something, from the second second to the third; half a second before they come out
/// there, somebody comes out of the same place to the left.
fn one_comes_out_where_another_is_hidden(t: f32) -> Vec<Face> {
    let hidden = (2.0..3.0).contains(&t);
    let first = (!hidden).then(|| masked(200.0 + 180.0 * t, 300.0));
    let second = (t >= 2.5).then(|| bare(650.0 - 180.0 * (t - 2.5), 300.0));
    first.into_iter().chain(second).collect()
}

#[test]
fn who_comes_out_where_another_is_hidden_does_not_become_them() {
    for rate in [30.0, 15.0, 10.0] {
        let mut people = People::new(settings(), FRAME);
        let mut first = None;
        let mut events = Vec::new();
        for i in 0..(4.5 * rate) as usize {
            let t = i as f32 / rate;
            events
                .extend_from_slice(people.look(Duration::from_secs_f32(t), &one_comes_out_where_another_is_hidden(t)));
            if t < 2.0 {
                first = people.in_view(Duration::from_secs_f32(t)).next().map(|f| f.id);
            }
        }
        assert_eq!(counted(&events), [State::Known(Label::Mask), State::Known(Label::NoMask)], "{rate}: {events:?}");
        let right = people.in_view(Duration::from_secs_f32(4.5)).max_by(|a, b| a.rect.x.total_cmp(&b.rect.x));
        assert_eq!(right.map(|f| f.id), first, "{rate}");
    }
}

#[test]
fn who_came_out_where_another_was_hidden_counts_also_if_gone_when_that_is_seen() {
    for rate in [30.0, 15.0, 10.0] {
        // Gone before the other one is told apart, after eight tenths of a second in clear view.
        let leaves = |t: f32| {
            let mut faces = one_comes_out_where_another_is_hidden(t);
            faces.retain(|face| t < 3.3 || face.labels[0] > 0.5);
            faces
        };
        let events = play(&mut People::new(settings(), FRAME), rate, 8.0, leaves);
        assert_eq!(counted(&events), [State::Known(Label::Mask), State::Known(Label::NoMask)], "{rate}: {events:?}");
        // In the zone for as long, and then to be seen outside of it.
        let zone = Settings { zone: Some("420,0 1000,0 1000,1000 420,1000".parse().unwrap()), ..settings() };
        let events = play(&mut People::new(zone, FRAME), rate, 4.5, one_comes_out_where_another_is_hidden);
        assert_eq!(counted(&events), [State::Known(Label::Mask), State::Known(Label::NoMask)], "{rate}: {events:?}");
    }
}

#[test]
fn who_crossed_the_line_of_before_has_not_crossed_another_one() {
    let walk = |t: f32| vec![bare(100.0 + 120.0 * t, 300.0)];
    for (other, counts) in [("100,0 100,1000", 0), ("450,0 450,1000", 1)] {
        // Too small to be counted while it crosses the first line, at 200.
        let first = Settings { line: Some("200,0 200,1000".parse().unwrap()), min_face: 1000, ..settings() };
        let mut people = People::new(first.clone(), FRAME);
        assert!(play(&mut people, 10.0, 2.0, walk).is_empty());
        people.set(Settings { line: Some(other.parse().unwrap()), min_face: 0, ..first });
        let events: Vec<_> = (20..50)
            .flat_map(|i| people.look(Duration::from_millis(100 * i), &walk(i as f32 / 10.0)).to_vec())
            .collect();
        assert_eq!(counted(&events).len(), counts, "{other}");
    }
}

/// With landmarks, of which the nose goes from side to side.
fn shaking(t: f32, face: Face) -> Face {
    let nose = 30.0 + 8.0 * (t * 1.3 * std::f32::consts::TAU).sin();
    let at = |x: f32, y: f32| (face.rect.x + x, face.rect.y + y);
    let landmarks = [at(20.0, 30.0), at(40.0, 30.0), at(nose, 42.0), at(22.0, 60.0), at(38.0, 60.0)];
    Face { landmarks: Some(landmarks), ..face }
}

#[test]
fn who_stands_there_for_long_can_still_shake_the_head() {
    let mut people = People::new(settings(), FRAME);
    let scene = |t: f32| vec![shaking(if t < 125.0 { 0.0 } else { t }, masked(300.0, 200.0))];
    let events = play(&mut people, 10.0, 130.0, scene);
    assert!(matches!(events[..], [Event::Counted { .. }, Event::Withdrawn { counted: Some(_), .. }]), "{events:?}");
    assert!(people.in_view(Duration::from_secs(130)).all(|face| face.opted_out));
}

#[test]
fn who_shook_the_head_stays_uncounted_when_another_comes_out_where_they_are_hidden() {
    let mut people = People::new(settings(), FRAME);
    let shakes_at = |t: f32| if t < 2.0 { t } else { 0.0 };
    let scene =
        |t| one_comes_out_where_another_is_hidden(t).into_iter().map(|face| shaking(shakes_at(t), face)).collect();
    let events = play(&mut people, 15.0, 4.5, scene);
    assert_eq!(counted(&events), [State::Known(Label::NoMask)], "{events:?}");
    assert_eq!(events.iter().filter(|e| matches!(e, Event::Withdrawn { .. })).count(), 1);
}

#[test]
fn who_is_half_out_over_the_border_is_the_same_passage_after_a_lost_frame() {
    let mut people = People::new(settings(), FRAME);
    // Cut off at the border, as boxes of a detector are; the border is reached after 3.5 seconds.
    let walk = |t: f32| {
        let mut face = bare(1080.0 + 40.0 * t, 300.0);
        face.rect.w = face.rect.w.min(1280.0 - face.rect.x);
        face
    };
    let mut events = Vec::new();
    for i in (0..67).filter(|i| *i != 54) {
        let t = i as f32 / 15.0;
        events.extend_from_slice(people.look(Duration::from_secs_f32(t), &[walk(t)]));
    }
    assert_eq!(counted(&events).len(), 1);
}

#[test]
fn a_faint_face_is_covered_but_not_counted_and_keeps_a_track_alive() {
    let mut people = People::new(settings(), FRAME);
    let faint = Face { score: 0.3, ..bare(300.0, 200.0) };
    assert!(play(&mut people, 10.0, 3.0, |_| vec![faint]).is_empty());
    assert_eq!(people.in_view(Duration::from_secs(3)).count(), 1);
    people.forget(Duration::from_secs(900));
    let scene = |t: f32| vec![if t < 0.35 { bare(300.0, 200.0) } else { faint }];
    assert_eq!(counted(&play(&mut people, 10.0, 3.0, scene)).len(), 1);
}

#[test]
fn only_who_is_inside_the_zone_counts() {
    let zone = Settings { zone: Some("500,0 1000,0 1000,1000 500,1000".parse().unwrap()), ..settings() };
    let mut people = People::new(zone, FRAME);
    let events = play(&mut people, 10.0, 3.0, |_| vec![bare(100.0, 200.0), masked(900.0, 200.0)]);
    assert_eq!(counted(&events), [State::Known(Label::Mask)]);
}

#[test]
fn who_is_in_an_excluded_area_is_covered_but_not_followed() {
    let exclude = Settings { exclude: vec!["0,0 500,0 500,1000 0,1000".parse().unwrap()], ..settings() };
    let mut people = People::new(exclude, FRAME);
    let face = bare(100.0, 200.0);
    let events = play(&mut people, 10.0, 3.0, |_| vec![face]);
    assert!(events.is_empty());
    // Its hair may reach out of the area.
    let in_view: Vec<_> = people.in_view(Duration::from_secs(3)).collect();
    assert_eq!(in_view.iter().map(|f| (f.rect, f.followed)).collect::<Vec<_>>(), [(face.rect, false)]);
}

#[test]
fn who_is_in_view_when_the_line_is_taken_away_is_counted() {
    let line = Settings { line: Some("500,0 500,1000".parse().unwrap()), ..settings() };
    let mut people = People::new(line, FRAME);
    assert!(play(&mut people, 10.0, 2.0, |_| vec![bare(100.0, 200.0)]).is_empty());
    people.set(settings());
    let events = people.look(Duration::from_secs(2), &[bare(100.0, 200.0)]);
    assert_eq!(counted(events), [State::Known(Label::NoMask)]);
}

#[test]
fn a_mask_under_the_nose_counts_as_is_said_now_also_for_those_in_view() {
    let incorrect = Face { labels: [0.02, 0.02, 0.96], ..bare(300.0, 200.0) };
    let mut people = People::new(settings(), FRAME);
    assert_eq!(counted(&play(&mut people, 10.0, 2.0, |_| vec![incorrect])), [State::Known(Label::Incorrect)]);
    people.set(Settings { incorrect_is: Some(Label::NoMask), ..settings() });
    let events = people.look(Duration::from_secs(2), &[incorrect]);
    assert!(matches!(events, [Event::Amended { to: State::Known(Label::NoMask), .. }]), "{events:?}");
}

#[test]
fn with_a_line_the_crossing_counts_once_in_either_direction() {
    let line = Settings { line: Some("500,0 500,1000".parse().unwrap()), ..settings() };
    for direction in [1.0, -1.0] {
        let mut people = People::new(line.clone(), FRAME);
        let walk = |t: f32| vec![bare(610.0 + direction * (150.0 * t - 400.0), 200.0)];
        let events = play(&mut people, 10.0, 5.0, walk);
        assert_eq!(counted(&events).len(), 1);
        let Event::Counted { at, .. } = events[0] else { panic!("{events:?}") };
        assert!((2.4..3.0).contains(&at.as_secs_f32()), "{at:?}");
    }
    let mut people = People::new(line, FRAME);
    assert!(play(&mut people, 10.0, 3.0, |t| vec![bare(100.0 + 50.0 * t, 200.0)]).is_empty());
}

#[test]
fn a_small_face_is_in_view_but_not_counted() {
    let mut people = People::new(Settings { min_face: 100, ..settings() }, FRAME);
    assert!(play(&mut people, 10.0, 3.0, |_| vec![bare(100.0, 200.0)]).is_empty());
    assert_eq!(people.in_view(Duration::from_secs(3)).count(), 1);
}

#[test]
fn someone_who_stays_for_minutes_is_counted_once_under_changing_ids() {
    let mut people = People::new(settings(), FRAME);
    let events = play(&mut people, 5.0, 300.0, |_| vec![bare(300.0, 200.0)]);
    assert_eq!(counted(&events).len(), 1);
    assert!(people.in_view(Duration::from_secs(300)).all(|f| f.id > 1));
}

#[test]
fn who_shakes_the_head_is_taken_out_and_not_counted_again() {
    let shaking = |t: f32| {
        let yaw = if (1.0..3.0).contains(&t) { 0.45 * (t * 1.2 * std::f32::consts::TAU).sin() } else { 0.0 };
        let mut face = bare(300.0, 200.0);
        face.landmarks =
            Some([(318.0, 230.0), (342.0, 230.0), (330.0 + 24.0 * yaw, 244.0), (320.0, 262.0), (340.0, 262.0)]);
        vec![face]
    };
    let mut people = People::new(settings(), FRAME);
    let events = play(&mut people, 10.0, 6.0, shaking);
    assert!(counted(&events).is_empty(), "{events:?}");
    assert_eq!(events.iter().filter(|e| matches!(e, Event::Withdrawn { .. })).count(), 1);
    assert_eq!(people.in_view(Duration::from_secs(6)).count(), 1, "still covered");

    let mut people = People::new(Settings { opt_out: false, ..settings() }, FRAME);
    assert_eq!(counted(&play(&mut people, 10.0, 6.0, shaking)).len(), 1);

    let elsewhere = Some("0,0 100,0 100,100".parse().unwrap());
    let mut people = People::new(Settings { zone: elsewhere, ..settings() }, FRAME);
    assert!(play(&mut people, 10.0, 6.0, shaking).is_empty(), "who would not be counted is not taken out");
    people.set(settings());
    let events = people.look(Duration::from_secs(6), &shaking(6.0)).to_vec();
    assert!(matches!(events[..], [Event::Withdrawn { counted: None, .. }]), "{events:?}");
}

#[test]
fn a_face_in_view_is_predicted_to_the_time_asked_for() {
    let mut people = People::new(settings(), FRAME);
    play(&mut people, 10.0, 1.05, |t| vec![masked(100.0 + 200.0 * t, 300.0)]);
    let rect = people.in_view(Duration::from_millis(1200)).next().unwrap().rect;
    assert!((rect.x - 340.0).abs() < 3.0, "{rect:?}");
    people.look(Duration::from_millis(1600), &[]);
    assert_eq!(people.in_view(Duration::from_millis(1600)).count(), 0, "lost for longer than it coasts");
}

#[test]
fn the_box_of_a_face_that_the_last_look_missed_is_larger() {
    let mut people = People::new(settings(), FRAME);
    play(&mut people, 10.0, 1.0, |_| vec![masked(300.0, 300.0)]);
    people.look(Duration::from_millis(1100), &[]);
    let rect = people.in_view(Duration::from_millis(1100)).next().unwrap().rect;
    // Two looks of a tenth of a second: 0.4 box sizes on each side.
    assert!((rect.w - 1.8 * 60.0).abs() < 1.0 && (rect.h - 1.8 * 80.0).abs() < 1.0, "{rect:?}");
}

#[test]
fn in_a_picture_of_another_size_everybody_is_somebody_new() {
    let mut people = People::new(settings(), FRAME);
    let walk = |t: f32| vec![masked(300.0 + 40.0 * t, 200.0)];
    let mut events = play(&mut people, 10.0, 2.0, walk);
    let seconds = Duration::from_secs_f32;
    assert!(people.resize(FRAME, seconds(2.0)).is_empty() && people.in_view(seconds(2.0)).count() == 1);
    events.extend_from_slice(people.resize((640, 360), seconds(2.0)));
    assert_eq!(people.in_view(seconds(2.0)).count(), 0);
    events.extend((20..40).flat_map(|i| people.look(seconds(i as f32 / 10.0), &walk(2.0)).to_vec()));
    assert_eq!(counted(&events).len(), 2);
}

#[test]
fn whom_the_last_look_found_is_in_view_however_long_ago_it_was() {
    let mut people = People::new(settings(), FRAME);
    people.look(Duration::ZERO, &[bare(300.0, 200.0)]);
    assert_eq!(people.in_view(Duration::from_secs(2)).count(), 1);
    people.look(Duration::from_secs(2), &[]);
    assert_eq!(people.in_view(Duration::from_secs(2)).count(), 0);
}

#[test]
fn a_walk_is_one_passage_at_two_looks_a_second_and_a_slow_one_at_one() {
    for (rate, speed) in [(2.0, 120.0), (1.5, 90.0), (1.0, 60.0)] {
        let mut people = People::new(settings(), FRAME);
        let events = play(&mut people, rate, 8.0, |t| vec![masked(100.0 + speed * t, 300.0)]);
        assert_eq!(counted(&events), [State::Known(Label::Mask)], "{rate} looks a second");
    }
}

#[test]
fn after_forget_nobody_is_in_view() {
    let mut people = People::new(settings(), FRAME);
    play(&mut people, 10.0, 1.0, |_| vec![masked(100.0, 300.0)]);
    people.forget(Duration::from_secs(900));
    assert_eq!(people.in_view(Duration::from_secs(1)).count(), 0);
}

#[test]
fn a_passage_that_stays_undecided_is_counted_as_unknown_even_if_it_ends_early() {
    let unsure = |x: f32| Face { labels: [0.5, 0.5, 0.0], ..masked(x, 300.0) };
    let mut people = People::new(settings(), FRAME);
    let events = play(&mut people, 10.0, 5.0, |t| if t < 0.8 { vec![unsure(100.0)] } else { vec![] });
    assert_eq!(counted(&events), [State::Unknown]);
    let Event::Counted { at, .. } = events[0] else { panic!("{events:?}") };
    assert!((3.7..4.0).contains(&at.as_secs_f32()), "{at:?}: at its end, as nothing may be counted in the past");

    let mut people = People::new(settings(), FRAME);
    assert!(play(&mut people, 10.0, 0.8, |_| vec![unsure(100.0)]).is_empty());
    assert_eq!(
        counted(people.forget(Duration::from_secs(900))),
        [State::Unknown],
        "nor is it lost when everything ends"
    );
}

#[test]
fn a_thing_that_is_taken_for_a_face_now_and_then_is_no_passage() {
    let mut people = People::new(settings(), FRAME);
    let scores = [0.6, 0.3, 0.62, 0.35, 0.3];
    let thing = |t: f32| vec![Face { score: scores[(t * 10.0).round() as usize % 5], ..masked(100.0, 300.0) }];
    assert!(play(&mut people, 10.0, 5.0, thing).is_empty());
}

#[test]
fn a_thing_that_might_be_a_face_is_none_however_often_it_is_looked_at() {
    for rate in [30.0, 5.0] {
        let mut people = People::new(settings(), FRAME);
        let thing = |_| vec![Face { score: 0.53, ..masked(100.0, 300.0) }];
        assert!(play(&mut people, rate, 10.0, thing).is_empty(), "{rate}");
    }
}

#[test]
fn who_was_a_passage_before_the_zone_is_counted_in_it_though_the_face_is_faint_there() {
    let zone = Settings { zone: Some("500,0 1000,0 1000,1000 500,1000".parse().unwrap()), ..settings() };
    let mut people = People::new(zone, FRAME);
    let walk = |t: f32| {
        let face = masked(100.0 + 180.0 * t, 300.0);
        vec![Face { score: if face.rect.x < 500.0 { 0.9 } else { 0.45 }, ..face }]
    };
    assert_eq!(counted(&play(&mut people, 10.0, 5.0, walk)).len(), 1);
}

/// `first` is hidden from 2 s until then, and `second` comes out there at 2.5 s.
fn with_somebody_from_behind(t: f32, until: f32, first: Face, second: Face) -> Vec<Face> {
    let hidden = (2.0..until).contains(&t);
    (!hidden).then_some(first).into_iter().chain((t >= 2.5).then_some(second)).collect()
}

#[test]
fn who_shakes_the_head_on_the_track_of_another_is_out_and_the_other_is_not() {
    for rate in [30.0, 15.0, 10.0] {
        let mut people = People::new(settings(), FRAME);
        let scene = |t: f32| {
            let first = shaking(0.0, masked(200.0 + 180.0 * t, 300.0));
            let second = shaking(if t < 4.5 { t } else { 0.0 }, bare(650.0, 300.0));
            with_somebody_from_behind(t, 3.8, first, second)
        };
        let events = play(&mut people, rate, 5.5, scene);
        assert_eq!(counted(&events), [State::Known(Label::Mask)], "{rate}: {events:?}");
    }
}

#[test]
fn who_comes_out_beyond_the_line_where_another_is_hidden_has_not_crossed_it() {
    for rate in [30.0, 15.0, 10.0] {
        // At 614 px.
        let line = Settings { line: Some("480,0 480,1000".parse().unwrap()), ..settings() };
        let mut people = People::new(line, FRAME);
        let scene = |t: f32| {
            let second = bare(650.0, 300.0 + 60.0 * (t - 2.5));
            with_somebody_from_behind(t, 3.0, masked(200.0 + 180.0 * t, 300.0), second)
        };
        assert_eq!(counted(&play(&mut people, rate, 4.5, scene)), [State::Known(Label::Mask)], "{rate}");
    }
}

#[test]
fn a_line_that_is_crossed_behind_somebody_else_is_crossed() {
    for rate in [30.0, 15.0, 10.0] {
        // At 665 px.
        let line = Settings { line: Some("520,0 520,1000".parse().unwrap()), ..settings() };
        let mut people = People::new(line, FRAME);
        let scene = |t: f32| {
            let second = bare(600.0 - 120.0 * (t - 2.5), 300.0);
            with_somebody_from_behind(t, 3.0, masked(200.0 + 180.0 * t, 300.0), second)
        };
        assert_eq!(counted(&play(&mut people, rate, 4.5, scene)), [State::Known(Label::Mask)], "{rate}");
    }
}

#[test]
fn who_was_in_view_when_the_line_was_drawn_is_counted_only_when_crossing_it() {
    let mut people = People::new(settings(), FRAME);
    let waiting = |_| vec![bare(100.0, 200.0)];
    play(&mut people, 10.0, 0.4, waiting);
    people.set(Settings { line: Some("500,0 500,1000".parse().unwrap()), ..settings() });
    let later = (4..40).flat_map(|i| people.look(Duration::from_millis(100 * i), &waiting(0.0)).to_vec());
    assert_eq!(counted(&later.collect::<Vec<_>>()), []);
}
