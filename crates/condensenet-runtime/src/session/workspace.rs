//! Everything that a pass writes to, made once for an image size.

use condensenet_kernels::inference::{
    Aligned, Area, DenseLayer, Phases, SqueezeScratch, Workbench,
};

use super::{
    error::SessionError,
    plan::{PackedTransition, Plan},
};

/// Pixels of a map below which a block takes several images at once: they then fill whole vectors, and
/// weights are read once for all.
const SMALL_MAP: usize = 8 * 8;

/// The sizes of every map.
pub(super) struct Geometry {
    pub height: usize,
    pub width: usize,
    /// Behind the stem's convolution.
    pub stem: Area,
    /// Per block.
    sides: Vec<(usize, usize)>,
    /// The first block that takes all images at once.
    pub split: usize,
}

impl Geometry {
    pub(super) fn new(
        plan: &Plan,
        height: usize,
        width: usize,
        images: usize,
    ) -> Result<Self, SessionError> {
        let (mut h, mut w) = (plan.stem.side_out(height), plan.stem.side_out(width));
        let stem = Area {
            images: 1,
            height: h,
            width: w,
        };
        if plan.stem_pool {
            (h, w) = (h.div_ceil(2), w.div_ceil(2));
        }
        let mut sides = Vec::new();
        for block in 0..plan.blocks.len() {
            if h == 0 || w == 0 {
                return Err(SessionError::ImageTooSmall {
                    height,
                    width,
                    block,
                });
            }
            sides.push((h, w));
            (h, w) = (h / 2, w / 2);
        }
        let small = |&(h, w): &(usize, usize)| h * w <= SMALL_MAP;
        let split = if images == 1 {
            0
        } else {
            sides.iter().position(small).unwrap_or(sides.len() - 1)
        };
        Ok(Self {
            height,
            width,
            stem,
            sides,
            split,
        })
    }

    /// The map of a block, for that many images.
    pub(super) fn area(&self, block: usize, images: usize) -> Area {
        let (height, width) = self.sides[block];
        Area {
            images,
            height,
            width,
        }
    }

    /// Multiply-adds of an image.
    pub(super) fn flops(&self, plan: &Plan) -> usize {
        let stem = self.stem.pixels() * plan.stem.flops_per_pixel();
        let blocks = plan.blocks.iter().enumerate().map(|(b, block)| {
            let layers: usize = block.layers.iter().map(DenseLayer::flops_per_pixel).sum();
            let transition = match &block.transition {
                PackedTransition::Conv(packed) => packed.conv.flops_per_pixel() / 4,
                _ => 0,
            };
            let others: usize = block.layers.iter().map(DenseLayer::flops_per_image).sum();
            self.area(b, 1).pixels() * (layers + transition) + others
        });
        let hidden = plan.hidden.as_ref().map_or(0, |hidden| {
            hidden.squeeze_excitation.flops() + hidden.linear.flops()
        });
        stem + blocks.sum::<usize>() + hidden + plan.classifier.flops()
    }
}

/// Buffers for some images of one size, passed through by one crew.
pub(super) struct Workspace {
    pub geometry: Geometry,
    /// Blocks before the split, image by image; two that take turns.
    pub front: [Aligned; 2],
    /// Blocks behind the split.
    pub back: [Aligned; 2],
    pub rest: Rest,
}

/// What is not a block's buffer.
pub(super) struct Rest {
    pub phases: Phases,
    pub pooled: Aligned,
    pub features: Aligned,
    pub hidden: Aligned,
    pub squeeze: SqueezeScratch,
    pub kept: Aligned,
    pub bench: Workbench,
}

impl Workspace {
    pub(super) fn new(
        plan: &Plan,
        height: usize,
        width: usize,
        images: usize,
        slots: usize,
    ) -> Result<Self, SessionError> {
        let geometry = Geometry::new(plan, height, width, images)?;
        let (mut front, mut back) = ([0, 0], [0, 0]);
        let mut pooled = 0;
        for (b, block) in plan.blocks.iter().enumerate() {
            // A chunk may hold fewer images than planned, with strides of its own.
            let room = |images| {
                (1..=images)
                    .map(|n| geometry.area(b, n).stride())
                    .max()
                    .unwrap_or(0)
            };
            let (buffer, images) = match b.checked_sub(geometry.split) {
                Some(turn) => (&mut back[turn % 2], images),
                None => (&mut front[b % 2], 1),
            };
            *buffer = (*buffer).max(block.channels_out * room(images));
            if let PackedTransition::Conv(packed) = &block.transition {
                let to = |n| geometry.area(b + 1, n).stride();
                pooled = pooled.max(packed.rows.len() * (1..=images).map(to).max().unwrap_or(0));
            }
        }
        if plan.stem_pool {
            front[1] = front[1].max(plan.stem.channels_out() * geometry.stem.stride());
        }
        let hidden = plan.hidden.as_ref().map_or(0, |h| h.linear.outputs());
        let channels = plan.blocks.last().map_or(0, |block| block.channels_out);
        Ok(Self {
            geometry,
            front: front.map(Aligned::zeros),
            back: back.map(Aligned::zeros),
            rest: Rest {
                phases: Phases::default(),
                pooled: Aligned::zeros(pooled),
                features: Aligned::zeros(images * channels),
                hidden: Aligned::zeros(images * hidden),
                squeeze: SqueezeScratch::default(),
                kept: Aligned::default(),
                bench: Workbench::new(slots),
            },
        })
    }

    /// Bytes held.
    pub(super) fn bytes(&self) -> usize {
        let buffers = self.front.iter().chain(&self.back).chain([
            &self.rest.pooled,
            &self.rest.features,
            &self.rest.hidden,
            &self.rest.kept,
        ]);
        4 * buffers.map(|buffer| buffer.len()).sum::<usize>()
            + self.rest.bench.bytes()
            + self.rest.phases.bytes()
            + self.rest.squeeze.bytes()
    }
}
