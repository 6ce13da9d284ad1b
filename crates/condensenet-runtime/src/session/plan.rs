//! The packed network, and one pass of images through it.

use condensenet_kernels::{
    Activation,
    inference::{
        self as kernels, Aligned, Area, Crew, Isa, Linear, NormIn, Pointwise, PointwiseParts,
        ReactivationParts, Spatial, average_pool_2x2, hard_swish, max_pool_3x3,
        norm_relu_average_pool_2x2, norm_relu_global_average,
    },
};

use super::{
    network::{self, SessionNetwork, Transition},
    workspace::{Geometry, Rest, Workspace},
};

/// Every layer packed for its kernel.
pub(super) struct Plan {
    pub isa: Isa,
    pub stem: kernels::Stem,
    pub stem_pool: bool,
    pub blocks: Vec<Block>,
    pub norm: network::Affine,
    pub hidden: Option<Hidden>,
    pub classifier: Linear,
}

pub(super) struct Hidden {
    pub squeeze_excitation: kernels::SqueezeExcitation,
    pub linear: Linear,
}

pub(super) struct Block {
    pub layers: Vec<kernels::DenseLayer>,
    pub transition: PackedTransition,
    pub channels_in: usize,
    pub channels_out: usize,
}

pub(super) enum PackedTransition {
    None,
    AveragePool,
    /// The pool goes first (both are linear), on the kept rows: a quarter of the work.
    Conv(Box<PackedConv>),
}

pub(super) struct PackedConv {
    pub rows: Vec<u32>,
    norm: network::Affine,
    pub conv: Pointwise,
}

fn norm(affine: &network::Affine) -> NormIn<'_> {
    NormIn {
        scale: &affine.scale,
        shift: &affine.shift,
    }
}

impl Plan {
    /// Packs a network that was validated. Each layer is freed as soon as it is packed: nothing is held twice as a whole.
    pub(super) fn pack(network: SessionNetwork, isa: Isa) -> Self {
        let stem = &network.stem;
        let mut channels = stem.channels_out;
        let blocks = network.blocks.into_iter().map(|block| {
            let channels_in = channels;
            let layers = block.layers.into_iter().map(|layer| pack_layer(&layer));
            let layers: Vec<_> = layers.collect();
            channels += layers
                .iter()
                .map(kernels::DenseLayer::growth)
                .sum::<usize>();
            let channels_out = channels;
            let transition = match &block.transition {
                Transition::None => PackedTransition::None,
                Transition::AveragePool => PackedTransition::AveragePool,
                Transition::Conv(conv) => {
                    channels = conv.channels_out;
                    let inputs: Vec<u32> = (0..conv.norm.scale.len() as u32).collect();
                    let parts = PointwiseParts {
                        groups: conv.groups,
                        index: &inputs,
                        norm: None,
                        weight: &conv.weight,
                        norm_out: None,
                        activation: Activation::Relu,
                    };
                    PackedTransition::Conv(Box::new(PackedConv {
                        rows: conv.rows(),
                        norm: conv.norm.clone(),
                        conv: Pointwise::pack(parts),
                    }))
                }
            };
            Block {
                layers,
                transition,
                channels_in,
                channels_out,
            }
        });
        let blocks = blocks.collect();
        let hidden = network.hidden.as_ref().map(|hidden| Hidden {
            squeeze_excitation: squeeze_excitation(&hidden.squeeze_excitation, channels),
            linear: Linear::pack(channels, None, &hidden.weight, &hidden.bias),
        });
        let features = hidden.as_ref().map_or(channels, |h| h.linear.outputs());
        let classifier = &network.classifier;
        Self {
            isa,
            stem: kernels::Stem::pack(
                stem.channels_in,
                stem.kernel,
                stem.stride,
                &stem.weight,
                stem.norm.as_ref().map(norm),
            ),
            stem_pool: stem.norm.is_some(),
            blocks,
            norm: network.norm,
            hidden,
            classifier: Linear::pack(
                features,
                classifier.index.as_deref(),
                &classifier.weight,
                &classifier.bias,
            ),
        }
    }

    /// Bytes of packed weights.
    pub(super) fn bytes(&self) -> usize {
        let layers = self
            .blocks
            .iter()
            .flat_map(|b| &b.layers)
            .map(kernels::DenseLayer::bytes);
        let hidden = self.hidden.as_ref().map_or(0, |hidden| {
            hidden.squeeze_excitation.bytes() + hidden.linear.bytes()
        });
        self.stem.bytes() + layers.sum::<usize>() + hidden + self.classifier.bytes()
    }

    /// Passes images `[channels_in, height, width]` through the network, with the workspace made for their size.
    pub(super) fn run(
        &self,
        crew: &Crew<'_>,
        images: &[f32],
        space: &mut Workspace,
        out: &mut [f32],
    ) {
        let isa = self.isa;
        let Workspace {
            geometry,
            front,
            back,
            ..
        } = space;
        let image = self.stem.channels_in() * geometry.height * geometry.width;
        let count = images.len() / image;
        let split = geometry.split;
        let rest = &mut space.rest;
        for (slot, pixels) in images.chunks_exact(image).enumerate() {
            if split == 0 {
                self.run_stem(
                    crew,
                    pixels,
                    geometry,
                    &mut back[0],
                    &mut front[1],
                    geometry.area(0, count),
                    slot,
                    rest,
                );
                continue;
            }
            let [here, there] = &mut *front;
            self.run_stem(
                crew,
                pixels,
                geometry,
                here,
                there,
                geometry.area(0, 1),
                0,
                rest,
            );
            for b in 0..split {
                let area = geometry.area(b, 1);
                let (from, other) = pair(front, b);
                self.run_layers(crew, b, from, area, rest);
                let (to, to_area, slot) = if b + 1 == split {
                    (&mut back[0], geometry.area(b + 1, count), slot)
                } else {
                    (other, geometry.area(b + 1, 1), 0)
                };
                self.run_transition(crew, b, from, area, to, to_area, slot, rest);
            }
        }
        for b in split..self.blocks.len() {
            let area = geometry.area(b, count);
            let (from, to) = pair(back, b - split);
            self.run_layers(crew, b, from, area, rest);
            if b + 1 < self.blocks.len() {
                self.run_transition(
                    crew,
                    b,
                    from,
                    area,
                    to,
                    geometry.area(b + 1, count),
                    0,
                    rest,
                );
            }
        }
        let last = self.blocks.len() - 1;
        let (features, _) = pair(back, last - split);
        norm_relu_global_average(
            crew,
            isa,
            norm(&self.norm),
            features,
            geometry.area(last, count),
            &mut rest.features,
        );
        let mut features = &rest.features;
        if let Some(Hidden {
            squeeze_excitation,
            linear,
        }) = &self.hidden
        {
            let (kept, scratch) = (&mut rest.kept, &mut rest.squeeze);
            squeeze_excitation.run_features(crew, isa, count, &mut rest.features, scratch);
            linear.run(crew, isa, count, &rest.features, kept, &mut rest.hidden);
            hard_swish(isa, &mut rest.hidden[..count * linear.outputs()]);
            features = &rest.hidden;
        }
        self.classifier
            .run(crew, isa, count, features, &mut rest.kept, out);
    }

    fn run_stem(
        &self,
        crew: &Crew<'_>,
        pixels: &[f32],
        geometry: &Geometry,
        to: &mut Aligned,
        between: &mut Aligned,
        area: Area,
        slot: usize,
        rest: &mut Rest,
    ) {
        let (height, width) = (geometry.height, geometry.width);
        if self.stem_pool {
            let wide = geometry.stem;
            self.stem.run(
                crew,
                self.isa,
                pixels,
                height,
                width,
                &mut rest.phases,
                between,
                wide,
                0,
            );
            max_pool_3x3(
                crew,
                self.stem.channels_out(),
                between,
                wide,
                to,
                area,
                slot,
            );
        } else {
            self.stem.run(
                crew,
                self.isa,
                pixels,
                height,
                width,
                &mut rest.phases,
                to,
                area,
                slot,
            );
        }
    }

    fn run_layers(
        &self,
        crew: &Crew<'_>,
        block: usize,
        buffer: &mut Aligned,
        area: Area,
        rest: &mut Rest,
    ) {
        let block = &self.blocks[block];
        let mut channels = block.channels_in;
        for layer in &block.layers {
            layer.run(crew, self.isa, area, buffer, channels, &mut rest.bench);
            channels += layer.growth();
        }
    }

    fn run_transition(
        &self,
        crew: &Crew<'_>,
        block: usize,
        from: &Aligned,
        area: Area,
        to: &mut Aligned,
        to_area: Area,
        slot: usize,
        rest: &mut Rest,
    ) {
        let (isa, block) = (self.isa, &self.blocks[block]);
        match &block.transition {
            PackedTransition::None => {}
            PackedTransition::AveragePool => {
                average_pool_2x2(crew, isa, block.channels_out, from, area, to, to_area, slot);
            }
            PackedTransition::Conv(packed) => {
                let PackedConv {
                    rows,
                    norm: affine,
                    conv,
                } = &**packed;
                let small = Area {
                    images: area.images,
                    ..to_area
                };
                norm_relu_average_pool_2x2(
                    crew,
                    isa,
                    rows,
                    norm(affine),
                    from,
                    area,
                    &mut rest.pooled,
                    small,
                    0,
                );
                let pooled = kernels::Rows::all(&rest.pooled, small.stride());
                let to = &mut to[slot * small.height * small.width..];
                conv.run(crew, isa, pooled, to, to_area.stride(), small.pixels());
            }
        }
    }
}

/// The two buffers that blocks use in turns: the one that block `turn` works in, and the next one's.
fn pair(buffers: &mut [Aligned; 2], turn: usize) -> (&mut Aligned, &mut Aligned) {
    let [even, odd] = buffers;
    if turn.is_multiple_of(2) {
        (even, odd)
    } else {
        (odd, even)
    }
}

fn squeeze_excitation(
    part: &network::SqueezeExcitation,
    channels: usize,
) -> kernels::SqueezeExcitation {
    kernels::SqueezeExcitation::pack(channels, &part.squeeze, &part.excite)
}

fn pack_layer(layer: &network::DenseLayer) -> kernels::DenseLayer {
    let index = layer.conv_1.rows();
    let pointwise = Pointwise::pack(PointwiseParts {
        groups: layer.conv_1.groups,
        index: &index,
        norm: Some(norm(&layer.conv_1.norm)),
        weight: &layer.conv_1.weight,
        norm_out: Some(norm(&layer.norm_2)),
        activation: layer.activation,
    });
    let conv = &layer.conv_2;
    let weighed = layer.squeeze_excitation.as_ref();
    let reactivation = layer.reactivation.as_ref();
    let reactivation = reactivation.map(|part| {
        kernels::Reactivation::pack(ReactivationParts {
            groups: part.groups,
            norm: norm(&part.norm),
            activation: layer.activation,
            index: &part.index,
            weight: &part.weight,
        })
    });
    let spatial = Spatial::pack(conv.groups, conv.channels_out, &conv.weight);
    kernels::DenseLayer::new(pointwise, spatial)
        .with_squeeze_excitation(weighed.map(|part| squeeze_excitation(part, conv.channels_out)))
        .with_reactivation(reactivation)
}
