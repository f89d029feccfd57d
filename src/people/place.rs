//! Places in the frame, in per-mille of its width and height, so that they outlive a change of resolution.

use std::str::FromStr;

/// The text is no place.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{text}` is not of the form `x,y x,y …` with {needed} points in per-mille of the frame (0 to 1000)")]
pub struct PlaceError {
    text: String,
    needed: &'static str,
}

/// An area with straight edges; the last point joins the first.
#[derive(Clone, Debug, PartialEq)]
pub struct Polygon(Vec<(f32, f32)>);

/// The straight line between two points, no longer than they lie apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line((f32, f32), (f32, f32));

fn points(text: &str, needed: &'static str) -> Result<Vec<(f32, f32)>, PlaceError> {
    let wrong = || PlaceError { text: text.into(), needed };
    let per_mille = |s: &str| s.parse::<f32>().ok().filter(|v| (0.0..=1000.0).contains(v));
    text.split_whitespace()
        .map(|p| p.split_once(',').and_then(|(x, y)| Some((per_mille(x)?, per_mille(y)?))).ok_or_else(wrong))
        .collect()
}

impl FromStr for Polygon {
    type Err = PlaceError;

    fn from_str(text: &str) -> Result<Polygon, PlaceError> {
        let needed = "at least three";
        let points = points(text, needed)?;
        if points.len() < 3 { Err(PlaceError { text: text.into(), needed }) } else { Ok(Polygon(points)) }
    }
}

impl FromStr for Line {
    type Err = PlaceError;

    fn from_str(text: &str) -> Result<Line, PlaceError> {
        let needed = "two different";
        match points(text, needed)?[..] {
            [a, b] if a != b => Ok(Line(a, b)),
            _ => Err(PlaceError { text: text.into(), needed }),
        }
    }
}

/// Several polygons, separated by semicolons.
pub fn polygons(text: &str) -> Result<Vec<Polygon>, PlaceError> {
    text.split(';').map(str::trim).filter(|p| !p.is_empty()).map(str::parse).collect()
}

impl Polygon {
    /// Even–odd rule.
    pub fn contains(&self, (x, y): (f32, f32)) -> bool {
        let mut inside = false;
        for (i, a) in self.0.iter().enumerate() {
            let b = &self.0[(i + 1) % self.0.len()];
            if (a.1 > y) != (b.1 > y) && x < (b.0 - a.0) * (y - a.1) / (b.1 - a.1) + a.0 {
                inside = !inside;
            }
        }
        inside
    }

    /// The smallest upright rectangle around it: x, y, width, height in per-mille.
    pub fn bounds(&self) -> (f32, f32, f32, f32) {
        let fold = |pick: fn(&(f32, f32)) -> f32| {
            self.0.iter().map(pick).fold((f32::MAX, f32::MIN), |(low, high), v| (low.min(v), high.max(v)))
        };
        let ((x0, x1), (y0, y1)) = (fold(|p| p.0), fold(|p| p.1));
        (x0, y0, x1 - x0, y1 - y0)
    }
}

impl Line {
    /// Whether the step from one point to another crosses the line, in either direction.
    pub fn is_crossed(&self, from: (f32, f32), to: (f32, f32)) -> bool {
        let side = |a: (f32, f32), b: (f32, f32), p: (f32, f32)| (b.0 - a.0) * (p.1 - a.1) - (b.1 - a.1) * (p.0 - a.0);
        let (a, b) = (self.0, self.1);
        // A point on the line belongs to one side, so that a walk over it crosses once.
        ((side(a, b, from) >= 0.0) != (side(a, b, to) >= 0.0))
            && ((side(from, to, a) >= 0.0) != (side(from, to, b) >= 0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_polygon_contains_what_lies_within_its_edges() {
        let l: Polygon = "0,0 1000,0 1000,500 500,500 500,1000 0,1000".parse().unwrap();
        assert!(l.contains((250.0, 750.0)) && l.contains((750.0, 250.0)));
        assert!(!l.contains((750.0, 750.0)));
        assert_eq!(l.bounds(), (0.0, 0.0, 1000.0, 1000.0));
    }

    #[test]
    fn a_line_is_crossed_in_both_directions_and_only_between_its_ends() {
        let line: Line = "500,200 500,800".parse().unwrap();
        assert!(line.is_crossed((400.0, 500.0), (600.0, 500.0)));
        assert!(line.is_crossed((600.0, 500.0), (400.0, 500.0)));
        assert!(!line.is_crossed((400.0, 900.0), (600.0, 900.0)));
        assert!(!line.is_crossed((300.0, 500.0), (400.0, 500.0)));
    }

    #[test]
    fn a_walk_that_pauses_on_the_line_crosses_it_once() {
        let line: Line = "500,0 500,1000".parse().unwrap();
        let steps = [(400.0, 500.0), (500.0, 500.0), (500.0, 500.0), (600.0, 500.0)];
        assert_eq!(steps.windows(2).filter(|s| line.is_crossed(s[0], s[1])).count(), 1);
    }

    #[test]
    fn text_that_is_no_place_is_refused() {
        for text in ["", "1,2", "1,2 3,4", "1,2 3,4 5", "1,2 3,4 5,1001", "a,b c,d e,f"] {
            assert!(text.parse::<Polygon>().is_err(), "{text}");
        }
        assert!("1,1 1,1".parse::<Line>().is_err());
        assert_eq!(polygons("0,0 1,0 1,1; 5,5 6,5 6,6;").unwrap().len(), 2);
    }
}
