//! What of the events about a stream must not go on: the cover of a file is a picture of what was filmed, and covered by nobody.

use gst::glib;
use gst::glib::prelude::*;

/// The event without tags that could hold a picture (covers, previews, attachments, private ones); `None`: nothing is left of it.
pub fn without_pictures(event: gst::Event) -> Option<gst::Event> {
    match event.view() {
        gst::EventView::Tag(tag) => {
            let Some(tags) = stripped(tag.tag()) else { return Some(event) };
            (tags.n_tags() > 0).then(|| {
                gst::event::Tag::builder(tags)
                    .seqnum(event.seqnum())
                    .running_time_offset(event.running_time_offset())
                    .build()
            })
        }
        // Chapters may have covers of their own; without the list of them a stream is as good.
        gst::EventView::Toc(toc) => {
            let toc = toc.toc().0;
            let has_picture = shows(toc.tags()) || toc.entries().iter().any(entry_shows);
            (!has_picture).then_some(event)
        }
        gst::EventView::StreamStart(start) => {
            let Some(stream) = start.stream().filter(|stream| shows(stream.tags())) else { return Some(event) };
            let builder = gst::event::StreamStart::builder(start.stream_id()).flags(start.stream_flags());
            let builder = builder.seqnum(event.seqnum()).running_time_offset(event.running_time_offset());
            let builder = match start.group_id() {
                Some(group) => builder.group_id(group),
                None => builder,
            };
            Some(builder.stream(like(&stream)).build())
        }
        gst::EventView::StreamCollection(collection) => {
            let streams = collection.stream_collection();
            if !streams.iter().any(|stream| shows(stream.tags())) {
                return Some(event);
            }
            let others = gst::StreamCollection::builder(streams.upstream_id().as_deref());
            let others = others.streams(streams.iter().map(|stream| like(&stream))).build();
            Some(gst::event::StreamCollection::builder(&others).seqnum(event.seqnum()).build())
        }
        gst::EventView::CustomDownstream(_)
        | gst::EventView::CustomDownstreamOob(_)
        | gst::EventView::CustomDownstreamSticky(_)
        | gst::EventView::CustomBoth(_)
        | gst::EventView::CustomBothOob(_) => {
            let holds = |structure: &gst::StructureRef| structure.iter().any(|(_, value)| holds_bytes(value.type_()));
            (!event.structure().is_some_and(holds)).then_some(event)
        }
        _ => Some(event),
    }
}

/// A stream of the same name and kind; others hold the one that comes, so it is not to be changed.
fn like(stream: &gst::Stream) -> gst::Stream {
    let (id, caps) = (stream.stream_id(), stream.caps());
    let other = gst::Stream::new(id.as_deref(), caps.as_ref(), stream.stream_type(), stream.stream_flags());
    let tags = stream.tags();
    other.set_tags(tags.as_ref().map(|tags| stripped(tags).unwrap_or_else(|| tags.clone())).as_ref());
    other
}

/// Whether an entry of a table of contents, or one below it, has a picture.
fn entry_shows(entry: &gst::TocEntry) -> bool {
    shows(entry.tags()) || entry.sub_entries().iter().any(entry_shows)
}

fn shows(tags: Option<gst::TagList>) -> bool {
    tags.is_some_and(|tags| pictures(&tags).next().is_some())
}

/// The tags without those that could hold a picture; `None`: there are none.
fn stripped(tags: &gst::TagListRef) -> Option<gst::TagList> {
    let names: Vec<_> = pictures(tags).collect();
    let mut others = (!names.is_empty()).then(|| tags.to_owned())?;
    names.iter().for_each(|name| others.make_mut().remove_generic(name.as_str()));
    Some(others)
}

/// Names of the tags that are neither text nor number nor date.
fn pictures(tags: &gst::TagListRef) -> impl Iterator<Item = glib::GString> + '_ {
    let plain = [
        glib::Type::STRING,
        glib::Type::BOOL,
        glib::Type::I32,
        glib::Type::U32,
        glib::Type::I64,
        glib::Type::U64,
        glib::Type::F32,
        glib::Type::F64,
        gst::Fraction::static_type(),
        glib::Date::static_type(),
        gst::DateTime::static_type(),
    ];
    let names = (0..tags.n_tags()).filter_map(|index| tags.nth_tag_name(index));
    names.filter(move |name| !plain.contains(&gst::tags::tag_get_type(*name))).map(Into::into)
}

fn holds_bytes(of: glib::Type) -> bool {
    [
        gst::Buffer::static_type(),
        gst::BufferList::static_type(),
        gst::Memory::static_type(),
        gst::Sample::static_type(),
        glib::Bytes::static_type(),
    ]
    .contains(&of)
}
