//! Non-maximum suppression: of the boxes that lie on one face, the surest stays.

use super::Face;

/// More candidates than this are no street scene; the least sure are dropped, which bounds the time of a look.
pub const MAX_CANDIDATES: usize = 1000;

/// Keeps, in falling order of score, each face that overlaps no surer one by more than `iou` (0 to 1). Labels play no
/// part: one head is one face, whatever it may wear.
pub fn suppress(faces: &mut Vec<Face>, iou: f32) {
    faces.sort_unstable_by(|a, b| b.score.total_cmp(&a.score));
    faces.truncate(MAX_CANDIDATES);
    let mut kept = 0;
    for i in 0..faces.len() {
        let face = faces[i];
        if faces[..kept].iter().all(|surer| surer.rect.iou(&face.rect) <= iou) {
            faces[kept] = face;
            kept += 1;
        }
    }
    faces.truncate(kept);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Rect;

    fn face(x: f32, score: f32) -> Face {
        Face { rect: Rect::new(x, 0.0, 10.0, 10.0), score, labels: [1.0, 0.0, 0.0], landmarks: None }
    }

    #[test]
    fn the_surest_of_overlapping_boxes_stays() {
        let mut faces = vec![face(1.0, 0.6), face(0.0, 0.9), face(20.0, 0.5)];
        suppress(&mut faces, 0.5);
        assert_eq!(faces.iter().map(|f| f.rect.x).collect::<Vec<_>>(), [0.0, 20.0]);
    }

    #[test]
    fn boxes_that_overlap_less_are_two_faces() {
        let mut faces = vec![face(0.0, 0.9), face(6.0, 0.8)];
        suppress(&mut faces, 0.5);
        assert_eq!(faces.len(), 2);
    }

    #[test]
    fn a_dropped_box_drops_no_other() {
        let mut faces = vec![face(0.0, 0.9), face(3.0, 0.8), face(6.0, 0.7)];
        suppress(&mut faces, 0.5);
        assert_eq!(faces.iter().map(|f| f.rect.x).collect::<Vec<_>>(), [0.0, 6.0]);
    }
}
