// The layers of TensorFlow.js: what PyTorch has channels first is turned round before and after.
import { type Call, type Foreign, Unsupported } from '../call.js';
import type { Caller, PeerOps } from '../engine.js';

/** Its CPU kernels want the channels last. */
const CHANNELS_LAST = [0, 2, 3, 1];
const CHANNELS_FIRST = [0, 3, 1, 2];

/** Convolution, pooling and losses. */
export function layers(tf: Caller): PeerOps {
  const last = (call: Call) => {
    if (call.shape.length !== 4) throw new Unsupported('it wants a batch');
    return tf('transpose', call.self, CHANNELS_LAST);
  };
  const pool = (name: string) => (call: Call) => {
    call.without('ceil_mode', 'dilation', 'return_indices', 'divisor_override');
    const padding = call.pair('padding');
    if (name === 'avgPool' && padding.some((one) => one !== 0))
      throw new Unsupported('it does not count padding');
    const size = call.pair('kernel_size');
    const stride = call.ints('stride') === undefined ? size : call.pair('stride');
    return tf('transpose', tf(name, last(call), size, stride, pads(padding)), CHANNELS_FIRST);
  };
  return {
    'nn.functional.conv2d': (call) => {
      call.without('groups');
      const weight = tf('transpose', call.tensor('weight'), [2, 3, 1, 0]);
      const [stride, dilation] = [call.pair('stride'), call.pair('dilation')];
      const result = tf('conv2d', last(call), weight, stride, pads(call.pair('padding')), 'NHWC', dilation);
      const bias = call.maybe('bias');
      return tf('transpose', bias === undefined ? result : tf('add', result, bias), CHANNELS_FIRST);
    },
    'nn.functional.max_pool2d': pool('maxPool'),
    'nn.functional.avg_pool2d': pool('avgPool'),
    'nn.functional.mse_loss': (call) => loss(tf, call, 'meanSquaredError'),
    'nn.functional.l1_loss': (call) => loss(tf, call, 'absoluteDifference'),
  };
}

function loss(tf: Caller, call: Call, name: string): Foreign {
  call.without('reduction');
  return tf(`losses.${name}`, call.tensor('target'), call.self);
}

function pads([height, width]: readonly [number, number]): number[][] {
  return [
    [0, 0],
    [height, height],
    [width, width],
    [0, 0],
  ];
}
