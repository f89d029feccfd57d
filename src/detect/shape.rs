//! The shape of the network's input: that of the picture, at the cost that the manifest grants.

use super::manifest::{InputSpec, MAX_INPUT_SIDE, SIZE_MULTIPLE};

/// Width and height of the input for pictures of `width` times `height`: of the sizes with no more cells than the
/// manifest's, and so of no more cost, the one that shows the picture largest. A picture of 4:3 gets 576x416 instead of a
/// 640x384 of which a fifth would stay empty. A network of one size keeps it.
pub fn shaped_for(input: &InputSpec, width: usize, height: usize) -> (u32, u32) {
    if !input.resizable || width == 0 || height == 0 {
        return (input.width, input.height);
    }
    let cells = input.width * input.height;
    let sizes = (SIZE_MULTIPLE..=MAX_INPUT_SIDE).step_by(SIZE_MULTIPLE as usize).map(|w| {
        let h = (cells / w / SIZE_MULTIPLE * SIZE_MULTIPLE).min(MAX_INPUT_SIDE);
        let scale = (f64::from(w) / width as f64).min(f64::from(h) / height as f64);
        // Without the cells that would stay empty. The least bit less keeps rounding from adding a row of them.
        let used = |side: usize| ((side as f64 * scale * (1.0 - 1e-9)).ceil() as u32).next_multiple_of(SIZE_MULTIPLE);
        (scale, (w.min(used(width)), h.min(used(height))))
    });
    let best = sizes.max_by(|a, b| a.0.total_cmp(&b.0));
    best.map_or((input.width, input.height), |(_, size)| size)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::detect::manifest::{ColorOrder, Layout};

    fn input(resizable: bool) -> InputSpec {
        let name = "input".into();
        InputSpec {
            name,
            layout: Layout::Planes,
            width: 640,
            height: 384,
            resizable,
            color: ColorOrder::Rgb,
            mean: [0.0; 3],
            scale: [1.0; 3],
        }
    }

    #[test]
    fn a_wide_picture_gets_a_wide_input_and_a_high_one_a_high_one() {
        let shape = |width, height| shaped_for(&input(true), width, height);
        assert_eq!(shape(1920, 1080), (640, 384));
        assert_eq!(shape(640, 480), (576, 416));
        assert_eq!(shape(480, 640), (416, 576));
        assert_eq!(shape(1000, 1000), (480, 480));
        assert_eq!(shape(1500, 1000), (576, 384));
    }

    #[test]
    fn a_network_of_one_size_keeps_it() {
        assert_eq!(shaped_for(&input(false), 480, 640), (640, 384));
    }

    proptest! {
        #[test]
        fn no_shape_costs_more_or_shows_less_than_the_manifests(width in 1usize..8000, height in 1usize..8000) {
            let (w, h) = shaped_for(&input(true), width, height);
            prop_assert!(w > 0 && h > 0 && w % SIZE_MULTIPLE == 0 && h % SIZE_MULTIPLE == 0);
            prop_assert!(w * h <= 640 * 384, "{w}x{h}");
            let scale = |w: u32, h: u32| (f64::from(w) / width as f64).min(f64::from(h) / height as f64);
            prop_assert!(scale(w, h) >= scale(640, 384) * (1.0 - 1e-6), "{w}x{h}");
        }
    }
}
